//go:build !linux

package main

// loosen is for Linux only.
func loosen() {}
