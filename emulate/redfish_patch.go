package emulate

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"
)

// redfishWritable are the properties that the DMTF's schemas make writable, by the type of the resource; a
// star stands for any step, and what lies below a property is writable with it.
var redfishWritable = map[string][]string{
	"": {"/AssetTag", "/IndicatorLED", "/LocationIndicatorActive"},
	"ComputerSystem": {"/HostName", "/PowerRestorePolicy", "/PowerMode", "/Boot/BootSourceOverrideTarget", "/Boot/BootSourceOverrideEnabled",
		"/Boot/BootSourceOverrideMode", "/Boot/BootNext", "/Boot/BootOrder", "/Boot/UefiTargetBootSourceOverride", "/Boot/BootOrderPropertySelection",
		"/Boot/HttpBootUri", "/Boot/StopBootOnFault", "/Boot/AutomaticRetryConfig", "/Boot/AutomaticRetryAttempts",
		"/HostWatchdogTimer/FunctionEnabled", "/HostWatchdogTimer/TimeoutAction", "/HostWatchdogTimer/WarningAction",
		"/PowerOnDelaySeconds", "/PowerOffDelaySeconds", "/PowerCycleDelaySeconds"},
	"Chassis": {"/Location/PostalAddress", "/Location/Placement", "/EnvironmentalClass"},
	"Manager": {"/DateTime", "/DateTimeLocalOffset", "/AutoDSTEnabled", "/TimeZoneName", "/CommandShell/ServiceEnabled",
		"/GraphicalConsole/ServiceEnabled", "/SerialConsole/ServiceEnabled", "/ServiceIdentification"},
	"ManagerNetworkProtocol": {"/*/ProtocolEnabled", "/*/Port", "/NTP/NTPServers", "/SSDP/NotifyMulticastIntervalSeconds", "/SSDP/NotifyTTL",
		"/SSDP/NotifyIPv6Scope", "/SNMP/CommunityAccessMode", "/SNMP/CommunityStrings"},
	"EthernetInterface": {"/HostName", "/FQDN", "/MACAddress", "/InterfaceEnabled", "/AutoNeg", "/FullDuplex", "/SpeedMbps", "/MTUSize",
		"/IPv4StaticAddresses", "/IPv6StaticAddresses", "/StaticNameServers", "/DHCPv4", "/DHCPv6", "/VLAN", "/IPv4Addresses/*"},
	"AccountService":   {"/ServiceEnabled", "/AccountLockoutThreshold", "/AccountLockoutDuration", "/AccountLockoutCounterResetAfter", "/AuthFailureLoggingThreshold"},
	"ManagerAccount":   {"/UserName", "/Password", "/RoleId", "/Enabled", "/Locked", "/AccountTypes", "/PasswordChangeRequired"},
	"SessionService":   {"/ServiceEnabled", "/SessionTimeout"},
	"EventService":     {"/ServiceEnabled", "/DeliveryRetryAttempts", "/DeliveryRetryIntervalSeconds"},
	"EventDestination": {"/Context", "/DeliveryRetryPolicy", "/HttpHeaders"},
	"LogService":       {"/DateTime", "/DateTimeLocalOffset", "/ServiceEnabled"},
	"LogEntry":         {"/Resolved"},
	"Bios":             {"/Attributes"},
	"Power":            {"/PowerControl/*/PowerLimit"},
	"VirtualMedia":     {"/Image", "/Inserted", "/WriteProtected", "/UserName", "/Password"},
	"UpdateService":    {"/ServiceEnabled"},
	"TaskService":      {"/ServiceEnabled"},
	"SecureBoot":       {"/SecureBootEnable"},
	"Drive":            {"/HotspareType", "/WriteCacheEnabled"},
}

// redfishValues are what enumerations of the schemas may be where the resource does not say.
var redfishValues = map[string][]string{
	"IndicatorLED":              {"Lit", "Blinking", "Off"},
	"BootSourceOverrideEnabled": {"Disabled", "Once", "Continuous"},
	"BootSourceOverrideMode":    {"Legacy", "UEFI"},
	"BootSourceOverrideTarget": {"None", "Pxe", "Floppy", "Cd", "Usb", "Hdd", "BiosSetup", "Utilities", "Diags", "UefiShell", "UefiTarget",
		"SDCard", "UefiHttp", "RemoteDrive", "UefiBootNext", "Recovery"},
	"PowerRestorePolicy":   {"AlwaysOn", "AlwaysOff", "LastState"},
	"AutomaticRetryConfig": {"Disabled", "RetryAttempts", "RetryAlways"},
	"StopBootOnFault":      {"Never", "AnyFault"},
}

// redfishTypeOf is the name of a resource's schema: "ComputerSystem".
func redfishTypeOf(x *redfishResource) string {
	t := strings.TrimPrefix(jsonString(x.data, "/@odata.type"), "#")
	if i := strings.IndexByte(t, '.'); i >= 0 {
		t = t[:i]
	}
	return t
}

// writable lists the patterns of what can be changed in a resource that has some of it.
func (r *redfishDevice) writable(x *redfishResource) []string {
	if !x.json || jsonGet(x.data, "/Members") != nil {
		return nil
	}
	var all []string
	for _, p := range slices.Concat(redfishWritable[""], redfishWritable[redfishTypeOf(x)]) {
		first, _, _ := strings.Cut(p[1:], "/")
		if first == "*" || jsonGet(x.data, "/"+first) != nil {
			all = append(all, p)
		}
	}
	for _, place := range r.sec.Writable {
		if at, pointer, _ := strings.Cut(place, "#"); at == x.path {
			all = append(all, pointer)
		}
	}
	return all
}

// covered says whether a pointer is one of the patterns or lies below one; near, whether one lies below it.
func covered(patterns []string, pointer string) (is, near bool) {
	steps := strings.Split(pointer, "/")
	for _, p := range patterns {
		want := strings.Split(p, "/")
		fits := true
		for i := range min(len(steps), len(want)) {
			fits = fits && (want[i] == "*" || want[i] == steps[i])
		}
		is = is || fits && len(steps) >= len(want)
		near = near || fits
	}
	return is, near
}

// patch changes properties.
func (q *redfishAsked) patch(x *redfishResource) Answer {
	r := q.r
	writable := r.writable(x)
	if len(writable) == 0 {
		return q.refuse(405, "OperationNotAllowed")
	}
	account := r.accountOf(x)
	self := account != nil && account.Name == q.who.name
	if !r.mayChange(q.who, x.path) && !self {
		return q.refuse(403, "InsufficientPrivilege")
	}
	r.body(x) // its ETag is that of what is seen now
	if tags := q.req.Headers.Get("If-Match"); tags != "" && strings.TrimSpace(tags) != "*" && (x.tag == "" || !listsTag(tags, x.tag)) {
		return q.refuse(412, "PreconditionFailed")
	}
	if refusal := q.jsonBody(); refusal != nil {
		return *refusal
	}
	if redfishMembers(q.body) > redfishPatchMost {
		return q.refuse(400, "UnrecognizedRequestBody")
	}
	p := redfishPatch{r: r, x: x, data: x.data, writable: writable}
	if self && q.who.rank < administrator {
		p.writable = []string{"/Password"} // ConfigureSelf
	}
	p.merge("", q.body)
	switch {
	case len(p.faults) > 0 && p.took == 0:
		return q.refuseWith(400, p.faults...)
	case p.took == 0 && redfishMembers(q.body) > 0:
		return q.refuse(400, "NoOperation")
	case p.took == 0:
		return q.refuse(400, "EmptyJSON")
	case !r.room(len(p.data) - len(x.data)):
		return q.refuse(507, "InsufficientStorage")
	}
	for _, do := range p.then {
		do()
	}
	r.set(x, p.data)
	if redfishTypeOf(x) == "ManagerAccount" {
		r.changeAccount(x, q.body)
	}
	if x.path == "/redfish/v1/SessionService" {
		r.learnTimeout()
	}
	r.tell("ResourceChanged", x.path)
	if len(p.faults) > 0 {
		body := jsonSet(bytes.Clone(r.body(x)), "/@Message.ExtendedInfo", slices.Concat([]byte("["), bytes.Join(p.faults, []byte(",")), []byte("]")))
		return q.say(200, x, body)
	}
	if r.sec.Patched == 204 {
		return q.say(204, x, nil)
	}
	return q.say(200, x, r.body(x))
}

// jsonBody checks that the body of a request is an object.
func (q *redfishAsked) jsonBody() *Answer {
	var a Answer
	switch {
	case !json.Valid(q.body):
		a = q.refuse(400, "MalformedJSON")
	case jsonKind(bytes.TrimSpace(q.body)) != "object" || !jsonDepth(q.body, redfishDepth):
		a = q.refuse(400, "UnrecognizedRequestBody")
	default:
		return nil
	}
	return &a
}

// redfishPatchMost bounds how many members a change may have.
const redfishPatchMost = 1024

// redfishMembers counts the members of an object and of the objects in it.
func redfishMembers(object []byte) (n int) {
	for _, v := range jsonMembers(object) {
		n += 1 + redfishMembers(v)
	}
	return n
}

// A redfishPatch is a change being made.
type redfishPatch struct {
	r        *redfishDevice
	x        *redfishResource
	data     []byte
	writable []string
	took     int
	faults   [][]byte
	then     []func() // what points take
}

const redfishFaultsMost = 32

func (p *redfishPatch) fault(pointer, key string, args ...string) {
	if len(p.faults) < redfishFaultsMost {
		p.faults = append(p.faults, p.r.info(key, pointer, args...))
	}
}

// merge takes the members of an object in.
func (p *redfishPatch) merge(pointer string, given []byte) {
	for name, v := range jsonMembers(given) {
		if strings.HasPrefix(name, "@odata.") {
			continue // DSP0266: annotations of the service are ignored
		}
		at := pointerTo(pointer, name)
		now := jsonGet(p.data, at)
		is, near := covered(p.writable, at)
		switch {
		case now == nil && !is:
			p.fault(at, "PropertyUnknown", name)
		case !near || strings.Contains(name, "@"):
			p.fault(at, "PropertyNotWritable", name)
		case jsonKind(v) == "object" && jsonKind(now) == "object":
			p.merge(at, v)
		case !is:
			p.fault(at, "PropertyNotWritable", name)
		default:
			p.assign(at, name, now, v)
		}
	}
}

// assign gives one property another value.
func (p *redfishPatch) assign(at, name string, now, v []byte) {
	if jsonKind(v) == "array" && jsonKind(now) == "array" {
		if items, wrong := p.items(now, v); wrong != nil {
			p.fault(at, "PropertyValueTypeError", jsonShown(wrong), name)
		} else {
			p.data, p.took = jsonSet(p.data, at, items), p.took+1
		}
		return
	}
	parent := at[:strings.LastIndexByte(at, '/')]
	values := p.r.allowed(p.data, parent, name)
	secret := name == "Password" && redfishTypeOf(p.x) == "ManagerAccount"
	switch was, is := jsonKind(now), jsonKind(v); {
	case secret && is == "string" && len(v) > redfishTextMost:
		p.fault(at, "PropertyValueFormatError", "******", name)
		return
	case secret && is == "string":
		p.took++ // it is never shown
		return
	case secret, was == "null" && is == "null":
	case is == "object", is == "array", values != nil && is != "string",
		was == "null" && len(values) == 0 && is == "null",
		was != "null" && was != "" && is != was && !(is == "null" && was == "string"),
		is == "number" && was == "number" && bytes.IndexByte(now, '.') < 0 && bytes.ContainsAny(v, ".eE"):
		p.fault(at, "PropertyValueTypeError", jsonShown(v), name)
		return
	case values != nil && !slices.Contains(values, jsonShown(v)):
		p.fault(at, "PropertyValueNotInList", jsonShown(v), name)
		return
	}
	if secret {
		p.fault(at, "PropertyValueTypeError", jsonShown(v), name)
		return
	}
	if point := p.x.points[at]; point != "" {
		set, err := p.r.pointSetter(point, v)
		switch {
		case errors.Is(err, ErrReadOnly):
			p.fault(at, "PropertyNotWritable", name)
			return
		case err != nil:
			p.fault(at, "PropertyValueOutOfRange", jsonShown(v), name)
			return
		}
		p.then, p.took = append(p.then, set), p.took+1
		return
	}
	p.data, p.took = jsonSet(p.data, at, v), p.took+1
}

// items is what becomes of an array: {} leaves an item as it is, null takes it out (DSP0266, "PATCH on array
// properties"). wrong is an item that is of another kind than those there are.
func (p *redfishPatch) items(now, v []byte) (array, wrong []byte) {
	var old [][]byte
	kind := ""
	for _, item := range jsonItems(now) {
		old = append(old, item)
		if k := jsonKind(item); k != "null" {
			kind = k
		}
	}
	out := []byte{'['}
	for i, item := range jsonItems(v) {
		is := jsonKind(item)
		switch {
		case is == "null":
			continue
		case is == "object" && i < len(old) && jsonKind(old[i]) == "object":
			merged := old[i]
			for name, value := range jsonMembers(item) {
				merged = jsonSet(merged, pointerTo("", name), value)
			}
			item = merged
		case is == "object" && redfishMembers(item) == 0:
			if i >= len(old) || jsonKind(old[i]) == "null" {
				continue
			}
			item = old[i]
		case kind != "" && is != kind:
			return nil, item
		}
		if len(out) > 1 {
			out = append(out, ", "...)
		}
		out = append(out, item...)
	}
	return append(out, ']'), nil
}

// allowed lists what a property may be; nil: anything of its type.
func (r *redfishDevice) allowed(data []byte, parent, name string) []string {
	if list := jsonGet(data, pointerTo(parent, name+"@Redfish.AllowableValues")); list != nil {
		values := []string{}
		for _, v := range jsonItems(list) {
			values = append(values, jsonShown(v))
		}
		return values
	}
	return redfishValues[name]
}

// pointSetter checks whether a point takes a value, and gives what sets it.
func (r *redfishDevice) pointSetter(name string, v []byte) (func(), error) {
	p, err := r.st.Point(name)
	if err != nil {
		return nil, err
	}
	value, ok := redfishPointValue(p, v)
	if !ok {
		return nil, ErrRange
	}
	if w := p.Spec.Write; w == nil {
		return nil, ErrReadOnly
	} else if f := value.Float(); !value.IsText() && (w.Min != nil && f < *w.Min || w.Max != nil && f > *w.Max) {
		return nil, ErrRange
	}
	return func() { p.Set(value) }, nil
}

// redfishPointValue reads a JSON value as one of a point: On is 1 where the point is a bool, and the name of
// an enum's value is known in any letter case.
func redfishPointValue(p *PointState, v []byte) (Value, bool) {
	text := jsonShown(v)
	switch jsonKind(v) {
	case "boolean":
		return BoolValue(text == "true"), true
	case "null", "object", "array":
		return Value{}, false
	}
	for wire, name := range p.Spec.Values {
		if strings.EqualFold(text, name) {
			return p.take(TextValue(wire))
		}
	}
	if p.Spec.Type != "text" && p.Spec.Type != "enum" {
		for _, w := range httpWords {
			if text == w[0] || text == w[1] {
				return BoolValue(text == w[1]), true
			}
		}
	}
	return p.take(TextValue(text))
}

// mayChange says whether somebody may change what is at a path: operators have ConfigureComponents, which is
// what systems and chassis want.
func (r *redfishDevice) mayChange(who *redfishWho, at string) bool {
	switch who.rank {
	case administrator:
		return true
	case operator:
		for _, p := range []string{"/redfish/v1/Systems", "/redfish/v1/Chassis", "/redfish/v1/EventService/Subscriptions"} {
			if at == p || strings.HasPrefix(at, p+"/") {
				return true
			}
		}
	}
	return false
}

// redfishTime is a time as resources show it.
func (r *redfishDevice) redfishTime() string { return r.st.Now().UTC().Format(time.RFC3339) }
