package main

import (
	"flag"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// arrange puts the flags of a verb before its arguments, because cli stops looking for flags at the first
// argument: "emulate plant.pcapng --bind 127.0.0.9" would silently serve elsewhere. What stands behind
// "--" is never a flag. Unknown flags are moved, too, so that they are refused and not taken for files.
func arrange(app *cli.App, args []string) []string {
	if len(args) == 0 || slices.Contains(args, "--generate-bash-completion") {
		return args
	}
	out := []string{args[0]}
	rest := args[1:]
	flags, commands := app.Flags, app.Commands
	for len(commands) > 0 && len(rest) > 0 {
		i := slices.IndexFunc(commands, func(c *cli.Command) bool { return c.HasName(rest[0]) })
		if i < 0 && len(out) > 1 {
			break // an argument of a verb that has verbs of its own
		}
		if i < 0 {
			return append(out, rest...)
		}
		out = append(out, rest[0])
		flags, commands = commands[i].Flags, commands[i].Subcommands
		rest = rest[1:]
	}
	var arguments []string
	for len(rest) > 0 {
		a := rest[0]
		rest = rest[1:]
		if a == "--" {
			arguments = append(arguments, rest...)
			break
		}
		if len(a) < 2 || a[0] != '-' {
			arguments = append(arguments, a)
			continue
		}
		out = append(out, a)
		if takesValue(flags, a) && len(rest) > 0 {
			out = append(out, rest[0])
			rest = rest[1:]
		}
	}
	if len(arguments) > 0 {
		out = append(append(out, "--"), arguments...)
	}
	return out
}

// takesValue says whether the flag written as a is followed by its value.
func takesValue(flags []cli.Flag, a string) bool {
	name := strings.TrimPrefix(strings.TrimPrefix(a, "-"), "-")
	if strings.Contains(name, "=") {
		return false
	}
	for _, f := range flags {
		if !slices.Contains(f.Names(), name) {
			continue
		}
		set := flag.NewFlagSet("", flag.ContinueOnError)
		if f.Apply(set) != nil {
			return false
		}
		b, isBool := set.Lookup(name).Value.(interface{ IsBoolFlag() bool })
		return !isBool || !b.IsBoolFlag()
	}
	return false
}
