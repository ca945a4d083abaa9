package main

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"
)

// helpWidth is what a help text takes of a terminal's 80 columns.
const helpWidth = 78

// setHelp writes the help of every command: cli's own runs off the edge of a terminal.
func setHelp(app *cli.App) {
	app.CustomAppHelpTemplate = literally(helpText("ringer", app.Usage, "VERB [FLAGS] [ARGUMENTS]", app.Description, app.Commands, nil))
	setCommandHelp("ringer", app.Commands)
}

func setCommandHelp(parent string, commands []*cli.Command) {
	for _, c := range commands {
		name := parent + " " + c.Name
		arguments := c.ArgsUsage
		if len(c.Subcommands) > 0 {
			arguments = "VERB [FLAGS] [ARGUMENTS]"
			if c.ArgsUsage != "" { // it does something without one of them, too
				arguments = "[VERB] [FLAGS] " + c.ArgsUsage
			}
		} else if len(c.Flags) > 0 {
			arguments = strings.TrimSpace("[FLAGS] " + arguments)
		}
		c.CustomHelpTemplate = literally(helpText(name, c.Usage, arguments, c.Description, c.Subcommands, c.Flags))
		setCommandHelp(name, c.Subcommands)
	}
}

// literally keeps text/template from finding anything in a text.
func literally(s string) string { return strings.ReplaceAll(s, "{{", "{ {") }

func helpText(name, usage, arguments, description string, commands []*cli.Command, flags []cli.Flag) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s - %s\n\n  %s\n\n", name, usage, strings.TrimSpace(name+" "+arguments))
	if description != "" {
		b.WriteString(strings.Trim(description, "\n") + "\n")
	}
	if len(commands) > 0 {
		b.WriteString("\nVERBS\n")
		for _, c := range commands {
			if !c.Hidden {
				fmt.Fprintf(&b, "  %-12s%s\n", c.Name, c.Usage)
			}
		}
	}
	if len(flags) > 0 {
		b.WriteString("\nFLAGS\n")
		var heads, texts []string
		widest := 0
		for _, f := range flags {
			if head, text := flagHelp(f); head != "" {
				heads, texts = append(heads, head), append(texts, text)
				widest = max(widest, len(head))
			}
		}
		indent := strings.Repeat(" ", widest+4)
		for i, head := range heads {
			lines := wrapped(texts[i], helpWidth-len(indent))
			fmt.Fprintf(&b, "  %-*s  %s\n", widest, head, strings.Join(lines, "\n"+indent))
		}
	}
	return b.String()
}

// flagHelp is how a flag is written, and what it does. Hidden flags give nothing.
func flagHelp(f cli.Flag) (head, text string) {
	if v, ok := f.(cli.VisibleFlag); ok && !v.IsVisible() {
		return "", ""
	}
	d, ok := f.(cli.DocGenerationFlag)
	if !ok {
		return "", ""
	}
	placeholder, text := "VALUE", d.GetUsage()
	if before, rest, ok := strings.Cut(text, "`"); ok {
		word, after, _ := strings.Cut(rest, "`")
		placeholder, text = word, before+word+after
	}
	head = "    "
	for _, n := range f.Names() {
		if len(n) == 1 {
			head = "-" + n + ", "
		}
	}
	head += "--" + f.Names()[0]
	if d.TakesValue() {
		head += " " + placeholder
		if s := d.GetDefaultText(); s != "" && s != "0s" && s != "0" && s != `""` {
			text += " (default: " + strings.Trim(s, `"`) + ")"
		}
	}
	return head, text
}

// wrapped breaks a text into lines.
func wrapped(text string, width int) []string {
	lines := []string{""}
	for _, word := range strings.Fields(text) {
		last := &lines[len(lines)-1]
		switch {
		case *last == "":
			*last = word
		case len([]rune(*last))+1+len([]rune(word)) <= width:
			*last += " " + word
		default:
			lines = append(lines, word)
		}
	}
	return lines
}

// manual is the help of all verbs as a page for man.
func manual(app *cli.App) string {
	var b strings.Builder
	fmt.Fprintf(&b, ".TH RINGER 1\n.SH NAME\nringer \\- %s\n", roff(app.Usage))
	fmt.Fprintf(&b, ".SH SYNOPSIS\n.B ringer\n.I verb\n[\n.I flags\n] [\n.I arguments\n]\n.SH DESCRIPTION\n%s", roffText(app.Description))
	manualOf(&b, "ringer", app.Commands)
	return b.String()
}

func manualOf(b *strings.Builder, parent string, commands []*cli.Command) {
	for _, c := range commands {
		name := parent + " " + c.Name
		fmt.Fprintf(b, ".SH %s\n.B %s\n%s\n.PP\n%s\n.PP\n%s", roff(strings.ToUpper(strings.TrimPrefix(name, "ringer "))),
			roff(name), roff(c.ArgsUsage), roff(upperFirst(c.Usage)+"."), roffText(c.Description))
		for _, f := range c.Flags {
			if head, text := flagHelp(f); head != "" {
				fmt.Fprintf(b, ".TP\n.B %s\n%s\n", roff(strings.TrimSpace(head)), roff(text))
			}
		}
		manualOf(b, name, c.Subcommands)
	}
}

func upperFirst(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// roffText sets running text as paragraphs, and what is indented as it is.
func roffText(s string) string {
	var b strings.Builder
	literal := false
	for line := range strings.SplitSeq(strings.Trim(s, "\n"), "\n") {
		indented := strings.HasPrefix(line, "  ")
		switch {
		case indented && !literal:
			b.WriteString(".PP\n.nf\n")
		case !indented && literal:
			b.WriteString(".fi\n.PP\n")
		case line == "":
			b.WriteString(".PP\n")
			continue
		}
		literal = indented
		if line != "" {
			b.WriteString(roff(line) + "\n")
		}
	}
	if literal {
		b.WriteString(".fi\n")
	}
	return b.String()
}

// roff escapes what troff would take for its own.
func roff(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(s)
	if strings.HasPrefix(s, ".") || strings.HasPrefix(s, "'") {
		s = `\&` + s
	}
	return s
}
