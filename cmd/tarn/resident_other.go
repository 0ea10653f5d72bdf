//go:build !linux

package main

func unmapStart() error { return nil }
