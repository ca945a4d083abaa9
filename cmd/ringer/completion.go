package main

import (
	"io"
	"strings"

	"github.com/urfave/cli/v2"
)

func completionCommand() *cli.Command {
	return &cli.Command{
		Name:      "completion",
		Usage:     "print what makes a shell complete ringer's verbs and flags",
		ArgsUsage: "bash|zsh|fish",
		Description: strings.TrimSpace(`
  source <(ringer completion bash)            bash, for this session
  ringer completion bash > ~/.local/share/bash-completion/completions/ringer
  source <(ringer completion zsh)             zsh
  ringer completion fish > ~/.config/fish/completions/ringer.fish`),
		Action: func(c *cli.Context) error {
			var text string
			switch shell := c.Args().First(); shell {
			case "bash":
				text = bashCompletion
			case "zsh":
				text = zshCompletion
			case "fish":
				var err error
				if text, err = c.App.ToFishCompletion(); err != nil {
					return err
				}
			default:
				return usage("completion wants bash, zsh or fish")
			}
			_, err := io.WriteString(c.App.Writer, text)
			return err
		},
	}
}

func manCommand() *cli.Command {
	return &cli.Command{
		Name:  "man",
		Usage: "print the manual page",
		Description: strings.TrimSpace(`
  ringer man | man -l -                            read it
  ringer man > ~/.local/share/man/man1/ringer.1    keep it`),
		Action: func(c *cli.Context) error {
			_, err := io.WriteString(c.App.Writer, manual(c.App))
			return err
		},
	}
}

// Both ask ringer itself what may follow; where it has nothing to offer, file names do.
const bashCompletion = `# bash completion of ringer
_ringer() {
	local cur=${COMP_WORDS[COMP_CWORD]} words=("${COMP_WORDS[@]:0:COMP_CWORD}") offered
	if [[ $cur == -* ]]; then
		offered=$("${words[@]}" "$cur" --generate-bash-completion 2>/dev/null)
	else
		offered=$("${words[@]}" --generate-bash-completion 2>/dev/null)
	fi
	COMPREPLY=($(compgen -W "$offered" -- "$cur"))
	[[ $cur == -* ]] || COMPREPLY+=($(compgen -f -- "$cur"))
}
complete -o filenames -F _ringer ringer
`

const zshCompletion = `#compdef ringer
_ringer() {
	local -a offered
	local cur=${words[CURRENT]}
	if [[ $cur == -* ]]; then
		offered=("${(@f)$(${words[1,CURRENT-1]} $cur --generate-bash-completion 2>/dev/null)}")
	else
		offered=("${(@f)$(${words[1,CURRENT-1]} --generate-bash-completion 2>/dev/null)}")
	fi
	[[ -n $offered ]] && compadd -- $offered
	[[ $cur == -* ]] || _files
}
(( $+functions[compdef] )) && compdef _ringer ringer
`
