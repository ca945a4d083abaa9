package profiles

import "time"

// Dynamics says how a value moves. Exactly one field is set. It is a closed set, never code.
type Dynamics struct {
	Const   *Const   `yaml:"const,omitempty"`   // stays
	Counter *Counter `yaml:"counter,omitempty"` // grows
	Clock   *Clock   `yaml:"clock,omitempty"`   // follows the time
	Noise   *Noise   `yaml:"noise,omitempty"`   // independent readings
	Walk    *Walk    `yaml:"walk,omitempty"`    // wanders
	Sine    *Sine    `yaml:"sine,omitempty"`    // swings
	Dwell   *Dwell   `yaml:"dwell,omitempty"`   // changes between a few values
	Series  *Series  `yaml:"series,omitempty"`  // repeats values
	Linear  *Linear  `yaml:"linear,omitempty"`  // follows another point
}

// Const stays as it is.
type Const struct{}

// Counter grows by Rate a second from Start, no further off than Jitter, and begins anew at Wrap.
type Counter struct {
	Start  uint64  `yaml:"start,omitempty"`  // where it begins if the point has no value
	Rate   float64 `yaml:"rate" unit:"rate"` // a second
	Jitter float64 `yaml:"jitter,omitempty"` // how far it may be off
	Wrap   uint64  `yaml:"wrap,omitempty"`   // 0: the width of the type
}

// Clock follows the time in steps of Unit (a second if none is given): since the boot of the device (Since
// "boot", Uptime being how long it had been up when it was recorded), or the wall clock since 1970 (Of
// "wall"), Skew off.
type Clock struct {
	Unit   time.Duration `yaml:"unit,omitempty"`   // what it counts; a second if absent
	Since  string        `yaml:"since,omitempty"`  // boot: it counts from when the device was started
	Of     string        `yaml:"of,omitempty"`     // wall: it counts from 1970
	Uptime time.Duration `yaml:"uptime,omitempty"` // how long the device had been up
	Skew   time.Duration `yaml:"skew,omitempty"`   // how far it is ahead
}

// Noise is independent normal readings around Mean. Here and below, readings are whole Steps from Min (from
// 0 without one), and are kept between Min and Max.
type Noise struct {
	Mean float64  `yaml:"mean"`           // of the readings
	SD   float64  `yaml:"sd"`             // standard deviation
	Min  *float64 `yaml:"min,omitempty"`  // least
	Max  *float64 `yaml:"max,omitempty"`  // most
	Step float64  `yaml:"step,omitempty"` // resolution
}

// Walk wanders, pulled back to Mean within Tau (none: a random walk), between Min and Max. SD is the
// spread it has in the long run (without Tau: the spread it gains in a second).
type Walk struct {
	Mean float64       `yaml:"mean"`           // where it is pulled to
	Tau  time.Duration `yaml:"tau,omitempty"`  // how soon it forgets where it was
	SD   float64       `yaml:"sd"`             // spread in the long run, or a second
	Min  *float64      `yaml:"min,omitempty"`  // least: it is reflected
	Max  *float64      `yaml:"max,omitempty"`  // most: it is reflected
	Step float64       `yaml:"step,omitempty"` // resolution
}

// Sine swings around Mean.
type Sine struct {
	Mean   float64       `yaml:"mean"`            // the middle
	Amp    float64       `yaml:"amp"`             // how far it swings from the middle
	Period time.Duration `yaml:"period"`          // of one swing
	Phase  time.Duration `yaml:"phase,omitempty"` // how long after midnight UTC it rises through Mean
	SD     float64       `yaml:"sd,omitempty"`    // spread of readings around it
	Min    *float64      `yaml:"min,omitempty"`   // least
	Max    *float64      `yaml:"max,omitempty"`   // most
	Step   float64       `yaml:"step,omitempty"`  // resolution
}

// Dwell stays in one of a few values for a while, then goes to the next; after the last comes the first.
type Dwell struct {
	States []DwellState `yaml:"states"`       // in the order they follow each other
	SD     float64      `yaml:"sd,omitempty"` // spread of the stays, as a part of their length
}

// A DwellState is a value and how long it lasts on average.
type DwellState struct {
	Value float64       `yaml:"value"` // the number
	For   time.Duration `yaml:"for"`   // mean stay
}

// Series repeats recorded values, one every Every.
type Series struct {
	Every  time.Duration `yaml:"every"`       // time between values
	Values []float64     `yaml:"values,flow"` // in order
}

// Linear follows another point: Gain × Of + Bias, plus or minus SD.
type Linear struct {
	Of   string  `yaml:"of"`             // name of the point
	Gain float64 `yaml:"gain"`           // times its value
	Bias float64 `yaml:"bias,omitempty"` // added
	SD   float64 `yaml:"sd,omitempty"`   // spread of readings around it
	Step float64 `yaml:"step,omitempty"` // resolution
}
