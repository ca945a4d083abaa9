package replay

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"slices"
	"time"

	seen "ringer/capture/tls"
)

// handshakeTime is how long a target has to greet.
const handshakeTime = 10 * time.Second

// secure greets a target over TLS, as the recorded client did: with the name it asked for, the versions and
// the protocol of the application. Who the target is is not verified: a decoy has keys of its own, and a
// device's certificate seldom is one that anybody vouches for. Whatever suite it wants is taken.
func secure(ctx context.Context, c net.Conn, h *seen.Handshake) (net.Conn, error) {
	config := &tls.Config{InsecureSkipVerify: true, ServerName: h.ServerName, MinVersion: tls.VersionTLS10}
	for _, v := range h.Offered {
		if v <= tls.VersionTLS13 {
			config.MaxVersion = max(config.MaxVersion, v)
		}
	}
	if config.MaxVersion < config.MinVersion {
		config.MaxVersion = 0
	}
	if h.Protocol != "" {
		config.NextProtos = []string{h.Protocol}
	}
	for _, s := range slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites()) {
		config.CipherSuites = append(config.CipherSuites, s.ID)
	}
	ctx, cancel := context.WithTimeout(ctx, handshakeTime)
	defer cancel()
	t := tls.Client(c, config)
	if err := t.HandshakeContext(ctx); err != nil {
		c.Close()
		return nil, fmt.Errorf("TLS: %w", err)
	}
	return t, nil
}
