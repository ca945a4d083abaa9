// Ringer turns recordings of devices into decoys that answer like them, and into tests that prove it.
//
// Results go to standard output, progress and logs to standard error. Exit status: 0 fine, 1 differences
// or a failed check, 2 wrong usage, 3 input that cannot be read or a service that cannot be started.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends at once
	status := run(ctx, os.Args, os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

// run is main with its surroundings passed in.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	app := newApp()
	app.Reader, app.Writer, app.ErrWriter = stdin, stdout, stderr
	err := app.RunContext(ctx, arrange(app, args))
	if err == nil {
		return 0
	}
	status := statusOf(err)
	if text := err.Error(); text != "" {
		fmt.Fprintf(stderr, "ringer: %s\n", text)
	}
	return status
}

func newApp() *cli.App {
	app := &cli.App{
		Name:     "ringer",
		HelpName: "ringer",
		Usage:    "decoys that answer like the device they were recorded from",
		Description: strings.TrimSpace(`
A recording of a device becomes a profile, a profile becomes a decoy that
answers on every protocol at once, and the recording then tests the decoy.

  ringer emulate plant.pcapng         serve every device in a recording
  ringer capture plant.pcapng         learn profiles from it: plant.ringer
  ringer emulate plant.ringer         serve them
  ringer replay plant.pcapng --against plant.ringer
                                      ask again, and compare the answers

"ringer VERB --help" explains each verb with examples. Flags may stand before
and after arguments.

Exit status: 0 fine, 1 differences or a failed check, 2 wrong usage, 3 input
that cannot be read or a service that cannot be started.`),
		Commands: []*cli.Command{
			captureCommand(), cloneCommand(), emulateCommand(), replayCommand(), eventsCommand(), profileCommand(),
			completionCommand(), manCommand(),
		},
		HideVersion:               true,
		EnableBashCompletion:      true,
		DisableSliceFlagSeparator: true, // a value with a comma is one value
		ExitErrHandler:            func(*cli.Context, error) {},
		OnUsageError:              onUsageError,
		CommandNotFound:           nil,
		Action: func(c *cli.Context) error {
			if c.Args().Len() > 0 {
				return usage("there is no verb %q; ringer --help lists them", c.Args().First())
			}
			return cli.ShowAppHelp(c)
		},
	}
	setUsageErrors(app.Commands)
	setHelp(app)
	return app
}

func setUsageErrors(commands []*cli.Command) {
	for _, c := range commands {
		c.OnUsageError = onUsageError
		c.HideHelpCommand = true
		if len(c.Subcommands) > 0 && c.Action == nil {
			c.Action = func(ctx *cli.Context) error {
				if ctx.Args().Len() > 0 {
					return usage("there is no %q in ringer %s; ringer %s --help lists what there is", ctx.Args().First(), c.Name, c.Name)
				}
				return cli.ShowSubcommandHelp(ctx)
			}
		}
		setUsageErrors(c.Subcommands)
	}
}

func onUsageError(c *cli.Context, err error, _ bool) error {
	text := err.Error()
	if name, ok := strings.CutPrefix(text, "flag provided but not defined: "); ok {
		text = "there is no flag -" + name
		if near := nearFlag(c, strings.TrimLeft(name, "-")); near != "" {
			text += fmt.Sprintf("; did you mean --%s?", near)
		}
	}
	return usage("%s", text)
}

// nearFlag finds the flag that was meant, if one is two slips away or less.
func nearFlag(c *cli.Context, name string) string {
	flags := c.App.Flags
	if c.Command != nil && len(c.Command.Flags) > 0 {
		flags = c.Command.Flags
	}
	best, least := "", 3
	for _, f := range flags {
		for _, n := range f.Names() {
			if d := slips(n, name); len(n) > 1 && d < least {
				best, least = n, d
			}
		}
	}
	return best
}

// slips counts the letters that have to be put in, left out or changed to get from a to b.
func slips(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			d := diagonal
			if a[i] != b[j] {
				d = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], d
		}
	}
	return row[len(b)]
}

// A failure is an error with the exit status it causes.
type failure struct {
	status int
	error
}

func (f failure) Unwrap() error { return f.error }

const (
	statusDiffers = 1
	statusUsage   = 2
	statusInput   = 3
)

func usage(format string, args ...any) error {
	return failure{statusUsage, fmt.Errorf(format, args...)}
}

// differs ends with status 1; what differs has been printed already.
func differs(format string, args ...any) error {
	return failure{statusDiffers, fmt.Errorf(format, args...)}
}

func statusOf(err error) int {
	var f failure
	if errors.As(err, &f) {
		return f.status
	}
	return statusInput
}
