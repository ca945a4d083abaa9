package emulate

import (
	"ringer/capture/ipmi"
	"ringer/capture/wire"
)

// The levels of privilege (section 6.8), each with all that those below it may do.
const (
	ipmiCallback      = 1
	ipmiUserRole      = 2
	ipmiOperator      = 3
	ipmiAdministrator = 4
)

// ipmiPrivileges are the levels of commands that the rule of ipmiNeeds has wrong: users read, operators write
// what the host's operation is about, administrators all else.
var ipmiPrivileges = map[ipmi.Target]uint8{
	{NetFn: ipmi.Chassis, Cmd: 0x05}: ipmiAdministrator, // set chassis capabilities
	{NetFn: ipmi.Chassis, Cmd: 0x06}: ipmiOperator,      // set power restore policy, which also asks for it
	{NetFn: ipmi.Chassis, Cmd: 0x09}: ipmiOperator,      // get system boot options
	{NetFn: ipmi.Chassis, Cmd: 0x0a}: ipmiAdministrator, // set front panel button enables
	{NetFn: ipmi.Chassis, Cmd: 0x0b}: ipmiAdministrator, // set power cycle interval

	{NetFn: ipmi.Sensor, Cmd: 0x00}: ipmiAdministrator, // set event receiver
	{NetFn: ipmi.Sensor, Cmd: 0x11}: ipmiAdministrator, // arm PEF postpone timer
	{NetFn: ipmi.Sensor, Cmd: 0x12}: ipmiAdministrator, // set PEF configuration parameters
	{NetFn: ipmi.Sensor, Cmd: 0x13}: ipmiOperator,      // get PEF configuration parameters
	{NetFn: ipmi.Sensor, Cmd: 0x14}: ipmiAdministrator, // set last processed event id
	{NetFn: ipmi.Sensor, Cmd: 0x15}: ipmiAdministrator, // get last processed event id
	{NetFn: ipmi.Sensor, Cmd: 0x16}: ipmiAdministrator, // alert immediate

	{NetFn: ipmi.App, Cmd: 0x22}: ipmiOperator, // reset watchdog timer
	{NetFn: ipmi.App, Cmd: 0x24}: ipmiOperator, // set watchdog timer
	{NetFn: ipmi.App, Cmd: 0x34}: ipmiUserRole, // send message
	{NetFn: ipmi.App, Cmd: 0x37}: 0,            // get system GUID
	{NetFn: ipmi.App, Cmd: 0x38}: 0,            // get channel authentication capabilities
	{NetFn: ipmi.App, Cmd: 0x39}: 0,            // get session challenge
	{NetFn: ipmi.App, Cmd: 0x3a}: 0,            // activate session
	{NetFn: ipmi.App, Cmd: 0x3c}: ipmiCallback, // close session
	{NetFn: ipmi.App, Cmd: 0x44}: ipmiOperator, // get user access
	{NetFn: ipmi.App, Cmd: 0x46}: ipmiOperator, // get user name
	{NetFn: ipmi.App, Cmd: 0x48}: ipmiCallback, // activate payload: who may is set for each user
	{NetFn: ipmi.App, Cmd: 0x49}: ipmiCallback, // deactivate payload
	{NetFn: ipmi.App, Cmd: 0x4d}: ipmiOperator, // get user payload access
	{NetFn: ipmi.App, Cmd: 0x52}: ipmiOperator, // master write-read
	{NetFn: ipmi.App, Cmd: 0x54}: 0,            // get channel cipher suites
	{NetFn: ipmi.App, Cmd: 0x55}: ipmiUserRole, // suspend or resume payload encryption

	{NetFn: ipmi.Transport, Cmd: 0x02}: ipmiOperator, // get LAN configuration parameters
	{NetFn: ipmi.Transport, Cmd: 0x03}: ipmiOperator, // suspend BMC ARPs
	{NetFn: ipmi.Transport, Cmd: 0x04}: ipmiUserRole, // get IP/UDP/RMCP statistics, which also clears them

	{NetFn: ipmi.Group, Cmd: 0x0a}: ipmiAdministrator, // set management controller identifier string (DCMI)
	{NetFn: ipmi.Group, Cmd: 0x12}: ipmiAdministrator, // set DCMI configuration parameters
}

// ipmiNeeds is the privilege that a command takes (appendix G). known: it is one of the specification's.
func ipmiNeeds(q *ipmi.Command) (need uint8, known bool) {
	_, effect := wire.Class(q)
	known = q.Known()
	if need, ok := ipmiPrivileges[ipmi.Target{NetFn: q.NetFn, Cmd: q.Cmd}]; ok && (known || q.NetFn != ipmi.Group) {
		return need, true
	}
	if effect == wire.Read {
		return ipmiUserRole, known
	}
	switch q.NetFn {
	case ipmi.Chassis, ipmi.Sensor, ipmi.Storage, ipmi.Group:
		if known {
			return ipmiOperator, true
		}
	}
	return ipmiAdministrator, known
}
