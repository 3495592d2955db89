//go:build tools

// Package tools names the programs, so that go.mod holds on to them.
package tools

import (
	_ "github.com/nektos/act"
	_ "github.com/rhysd/actionlint/cmd/actionlint"
)
