package cloud

import (
	"net/netip"
	"time"
)

// InstanceID names an instance.
type InstanceID string

// Phase is where an instance is in its life. The first of each pair is what the
// user asked for, the second what has come of it.
type Phase string

// Phases.
const (
	Pending     Phase = "pending"
	Running     Phase = "running"
	Stopping    Phase = "stopping"
	Stopped     Phase = "stopped"
	Terminating Phase = "terminating"
	Terminated  Phase = "terminated"
)

// Up reports whether an instance in this phase should run.
func (p Phase) Up() bool { return p == Pending || p == Running }

// Instance is a host of a VPC that the platform runs: a program with an
// interface, a root file system and limits of its own.
type Instance struct {
	Meta
	ID          InstanceID
	Reservation string // instances made together
	Index       int    // among these
	Type        string // the dialect's name of its size
	CPUs        int
	MemoryMiB   int
	VPC         VPCID
	Subnet      SubnetID
	Interface   InterfaceID // "" once terminated
	Addr        netip.Addr  // its primary address
	UserData    []byte      // a script to run at each start
	Phase       Phase
	// Boot counts the starts that were asked for; what runs an older one is restarted.
	Boot     int
	Launched time.Time // the last start asked for
	Asked    time.Time // when its user asked for the stop or end that it is in
	Ended    time.Time // when it was terminated
	// Reason says why it is in this phase, if not because it was asked to.
	Reason string
	// PublicIP asks for a public address at each start.
	PublicIP bool
	// TerminateOnExit ends it for good when its own programs do.
	TerminateOnExit bool
	Profile         string // the instance profile whose role it has; "" for none
	Role            string // the role that it has without a profile; "" for none
	Metadata        MetadataOptions
	// KeepAPI refuses to terminate (and KeepRunning to stop) it by an API call.
	KeepAPI, KeepRunning bool
	Names                HostNames
}

// HostNames say what an instance is called. The name of its address always leads there.
type HostNames struct {
	ByID    bool // its own name is its ID, not its address's
	A, AAAA bool // the name of its ID leads to its IPv4, its IPv6 address
}

// MetadataOptions say how an instance may ask about itself.
type MetadataOptions struct {
	Off            bool
	TokensOptional bool // also without a session token
	Tags           bool // tells its tags
}

// Instances is the table of instances.
var Instances = newTable("instance", func(r *Instance) InstanceID { return r.ID }, index[Instance]{
	"scope":       func(r *Instance) []string { return one(r.Scope()) },
	"reservation": func(r *Instance) []string { return one(r.Reservation) },
})
