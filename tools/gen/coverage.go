package main

func writeCoverage(root string, services []*service) error { return nil }
