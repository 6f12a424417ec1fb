package control

// Fork returns a Control on a state of its own that starts as this one's is
// now. What is done to it is gone with it; it has neither code nor logs.
func (c *Control) Fork() *Control {
	return New(Deps{Store: c.store.Fork(), Now: c.now, Log: c.log}, c.opt)
}
