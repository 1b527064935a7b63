//go:build tools

// Package etcd imports what tests run, so that go.mod and go.sum know all that it takes to build it.
package etcd

import _ "go.etcd.io/etcd/server/v3"
