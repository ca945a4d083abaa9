package profiles

import "time"

// Dynamics says how a value moves. Exactly one field is set. It is a closed set, never code.
type Dynamics struct {
	Const   *Const   `yaml:"const,omitempty"`
	Counter *Counter `yaml:"counter,omitempty"`
	Clock   *Clock   `yaml:"clock,omitempty"`
	Noise   *Noise   `yaml:"noise,omitempty"`
	Walk    *Walk    `yaml:"walk,omitempty"`
	Sine    *Sine    `yaml:"sine,omitempty"`
	Dwell   *Dwell   `yaml:"dwell,omitempty"`
	Series  *Series  `yaml:"series,omitempty"`
	Linear  *Linear  `yaml:"linear,omitempty"`
}

// Const stays as it is.
type Const struct{}

// Counter grows by Rate a second from Start, no further off than Jitter, and begins anew at Wrap.
type Counter struct {
	Start  uint64  `yaml:"start,omitempty"`
	Rate   float64 `yaml:"rate" unit:"rate"`
	Jitter float64 `yaml:"jitter,omitempty"`
	Wrap   uint64  `yaml:"wrap,omitempty"` // 0: the width of the type
}

// Clock follows the time in steps of Unit (a second if none is given): since the boot of the device (Since
// "boot", Uptime being how long it had been up when it was recorded), or the wall clock since 1970 (Of
// "wall"), Skew off.
type Clock struct {
	Unit   time.Duration `yaml:"unit,omitempty"`
	Since  string        `yaml:"since,omitempty"`
	Of     string        `yaml:"of,omitempty"`
	Uptime time.Duration `yaml:"uptime,omitempty"`
	Skew   time.Duration `yaml:"skew,omitempty"`
}

// Noise is independent normal readings around Mean. Here and below, readings are whole Steps from Min (from
// 0 without one), and are kept between Min and Max.
type Noise struct {
	Mean float64  `yaml:"mean"`
	SD   float64  `yaml:"sd"`
	Min  *float64 `yaml:"min,omitempty"`
	Max  *float64 `yaml:"max,omitempty"`
	Step float64  `yaml:"step,omitempty"`
}

// Walk wanders, pulled back to Mean within Tau (none: a random walk), between Min and Max. SD is the
// spread it has in the long run (without Tau: the spread it gains in a second).
type Walk struct {
	Mean float64       `yaml:"mean"`
	Tau  time.Duration `yaml:"tau,omitempty"`
	SD   float64       `yaml:"sd"`
	Min  *float64      `yaml:"min,omitempty"`
	Max  *float64      `yaml:"max,omitempty"`
	Step float64       `yaml:"step,omitempty"`
}

// Sine swings around Mean.
type Sine struct {
	Mean   float64       `yaml:"mean"`
	Amp    float64       `yaml:"amp"`
	Period time.Duration `yaml:"period"`
	Phase  time.Duration `yaml:"phase,omitempty"` // how long after midnight UTC it rises through Mean
	SD     float64       `yaml:"sd,omitempty"`
	Min    *float64      `yaml:"min,omitempty"`
	Max    *float64      `yaml:"max,omitempty"`
	Step   float64       `yaml:"step,omitempty"`
}

// Dwell stays in one of a few values for a while, then goes to the next; after the last comes the first.
type Dwell struct {
	States []DwellState `yaml:"states"`
	SD     float64      `yaml:"sd,omitempty"` // spread of the stays, as a part of their length
}

// A DwellState is a value and how long it lasts on average.
type DwellState struct {
	Value float64       `yaml:"value"`
	For   time.Duration `yaml:"for"`
}

// Series repeats recorded values, one every Every.
type Series struct {
	Every  time.Duration `yaml:"every"`
	Values []float64     `yaml:"values,flow"`
}

// Linear follows another point: Gain × Of + Bias, plus or minus SD.
type Linear struct {
	Of   string  `yaml:"of"`
	Gain float64 `yaml:"gain"`
	Bias float64 `yaml:"bias,omitempty"`
	SD   float64 `yaml:"sd,omitempty"`
	Step float64 `yaml:"step,omitempty"`
}
