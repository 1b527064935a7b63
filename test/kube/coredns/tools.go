//go:build tools

// Package coredns imports what clusters of tests run, so that go.mod and go.sum know all that it takes to build it.
package coredns

import _ "github.com/coredns/coredns"
