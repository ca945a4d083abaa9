package main

import (
	"fmt"
	"os"

	"github.com/urfave/cli/v2"

	"ringer/capture"
	"ringer/capture/wire"
)

// readKeys reads the file of --keys, and gives the protocols that can use them. Without the flag there are
// no keys.
func readKeys(c *cli.Context) (*capture.Keys, []wire.Protocol, error) {
	name := c.String("keys")
	if name == "" {
		return nil, capture.Protocols(), nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, nil, inputError(err)
	}
	defer f.Close()
	keys, err := capture.ReadKeys(f)
	if err != nil {
		return nil, nil, failure{statusInput, fmt.Errorf("%s: %w", name, err)}
	}
	protocols, err := keys.Protocols()
	if err != nil {
		return nil, nil, failure{statusInput, fmt.Errorf("%s: %w", name, err)}
	}
	return keys, protocols, nil
}

// named finds one of these protocols.
func named(protocols []wire.Protocol, name string) wire.Protocol {
	for _, p := range protocols {
		if p.Name() == name {
			return p
		}
	}
	return nil
}
