package store

// Fork returns a store of its own that starts as this one is now: in memory,
// for work whose outcome is looked at and thrown away. Neither sees what is
// written to the other. It costs the same for any size of state.
func (s *Store) Fork() *Store {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := &Store{tables: s.tables, log: &memory{}, db: s.db.Snapshot()}
	f.publish(s.now.Load().rev)
	return f
}
