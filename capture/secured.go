package capture

import (
	"crypto/x509"

	"ringer/capture/tls"
)

// Secured says how a service is encrypted, as its connections showed.
type Secured struct {
	Connections int64  `json:"connections"`
	Unread      int64  `json:"unread,omitempty"` // their secrets are not known
	Version     string `json:"version,omitempty"`
	Suite       string `json:"suite,omitempty"`
	ServerName  string `json:"serverName,omitempty"` // that clients asked for
	Subject     string `json:"subject,omitempty"`    // of the certificate, if one was seen
	Issuer      string `json:"issuer,omitempty"`
}

// secured adds what a connection showed. Of what differs between connections, the last is said.
func (s *Service) secured(l *tlsLayer) {
	if s.TLS == nil {
		s.TLS = &Secured{}
	}
	t, h := s.TLS, l.seen
	t.Connections++
	if l.state == tlsOpaque {
		t.Unread++
	}
	if h.ServerName != "" {
		t.ServerName = h.ServerName
	}
	if h.Version != 0 {
		t.Version, t.Suite = tls.VersionName(h.Version), tls.SuiteName(h.Suite)
	}
	if len(h.Certificates) > 0 && t.Subject == "" {
		if c, err := x509.ParseCertificate(h.Certificates[0]); err == nil {
			t.Subject, t.Issuer = c.Subject.String(), c.Issuer.String()
		}
	}
}
