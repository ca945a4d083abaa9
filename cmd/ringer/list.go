package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"ringer/capture"
)

// listRecordings shows what is in recordings without learning from them.
func listRecordings(c *cli.Context, files []string, sel *selection) error {
	if c.String("interface") != "" {
		return usage("--list reads files; to list what an interface carries, record it first")
	}
	defer readSparingly()()
	var all []*capture.Survey
	for _, name := range files {
		r, err := openRecording(c, name)
		if err != nil {
			return err
		}
		survey := &capture.Survey{}
		sel.proofs = nil
		var damage error
		for _, err := range sel.exchanges(c, r, survey) {
			if err != nil {
				damage = err
			}
		}
		r.Close()
		if damage != nil {
			if survey.Packets == 0 {
				return failure{statusInput, damage}
			}
			warn(c, "%v; what was read before is listed", damage)
		}
		sayProofs(c, sel.proofs)
		survey.Warnings = append(survey.Warnings, sel.proofs.warnings()...)
		all = append(all, survey)
	}
	if c.Bool("json") {
		return printJSON(c, all)
	}
	for i, s := range all {
		if i > 0 {
			fmt.Fprintln(c.App.Writer)
		}
		if err := printSurvey(c, files[i], s); err != nil {
			return err
		}
	}
	return nil
}

func printSurvey(c *cli.Context, name string, s *capture.Survey) error {
	w := c.App.Writer
	head := fmt.Sprintf("%s: %s", name, plural(int(s.Packets), "packet", "packets"))
	if !s.First.IsZero() {
		head += fmt.Sprintf(", %s, %s", s.First.UTC().Format("2006-01-02 15:04:05"), s.Last.Sub(s.First).Round(time.Millisecond))
	}
	if s.Fragments > 0 {
		head += fmt.Sprintf(", %s", plural(int(s.Fragments), "fragment", "fragments"))
	}
	fmt.Fprintln(w, head)
	if s.UnknownLinks > 0 {
		fmt.Fprintf(w, "%s of a link type that ringer does not read\n", plural(int(s.UnknownLinks), "packet", "packets"))
	}
	if len(s.Services) > 0 {
		t := newTable("device", "protocol", ">port", ">conns", ">exchanges", ">silent", ">unasked", ">lost", ">odd")
		for _, v := range s.Services {
			t.add(v.Device.String(), spoken(v), portText(v), number(v.Connections), number(v.Exchanges), number(v.Unanswered),
				number(v.Unasked), number(v.Lost), number(v.NotUnderstood))
		}
		if err := t.without("silent", "unasked", "lost", "odd").print(w); err != nil {
			return err
		}
	} else {
		fmt.Fprintln(w, "nothing that ringer speaks")
	}
	if len(s.Unknown) > 0 {
		fmt.Fprintln(w, "not understood:")
		t := newTable("device", ">port", ">conns", ">to device", ">from device", "looks like")
		shown := s.Unknown
		if len(shown) > unknownShown {
			shown = shown[:unknownShown]
		}
		for _, v := range shown {
			t.add(v.Device.String(), portText(v), number(v.Connections), bytesText(v.FromClients), bytesText(v.FromDevice), looksLike(v))
		}
		if err := t.without("looks like").print(w); err != nil {
			return err
		}
		if n := len(s.Unknown) - len(shown); n > 0 {
			fmt.Fprintf(w, "and %s; --json lists them\n", plural(n, "port more", "ports more"))
		}
	}
	return nil
}

const unknownShown = 20

// spoken is the protocol of a service.
func spoken(s *capture.Service) string {
	if s.TLS != nil {
		return s.Protocol + " in tls"
	}
	return s.Protocol
}

// looksLike is what can be told of a service that is not understood.
func looksLike(s *capture.Service) string {
	if s.TLS == nil {
		return s.Protocol
	}
	parts := []string{s.Protocol}
	if s.TLS.Version != "" {
		parts[0] += " " + s.TLS.Version
	}
	if s.TLS.ServerName != "" {
		parts = append(parts, s.TLS.ServerName)
	}
	if s.TLS.Subject != "" {
		parts = append(parts, s.TLS.Subject)
	}
	if s.TLS.Unread > 0 {
		parts = append(parts, "no keys")
	}
	return strings.Join(parts, ", ")
}

func number(n int64) string { return count(int(n)) }

func portText(s *capture.Service) string {
	if s.Transport == "tcp" {
		return strconv.Itoa(int(s.Port))
	}
	return strings.Join([]string{strconv.Itoa(int(s.Port)), s.Transport}, "/")
}
