//go:build tools

// Package tools pins the Pulumi CLI that the tests build where its own download cannot be reached.
package tools

import _ "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
