package clone

import (
	"cmp"
	"slices"

	"ringer/capture/bacnet"
	"ringer/profiles"
)

func bacnetLink(f bacnet.Function) *bacnet.LinkMessage {
	m := &bacnet.LinkMessage{}
	m.Link.Function = f
	return m
}

// bacnetWhoIs asks the device itself, or all of a network behind it.
func bacnetWhoIs(to *bacnet.Station) *bacnet.UnconfirmedRequest {
	m := &bacnet.UnconfirmedRequest{Service: bacnet.WhoIs, Parameters: &bacnet.WhoIsRequest{}}
	m.Link.Function = bacnet.OriginalUnicast
	if to != nil {
		m.Network.To(*to)
	}
	return m
}

func bacnetNetwork(kind bacnet.NetworkType) *bacnet.NetworkMessage {
	m := &bacnet.NetworkMessage{Type: kind}
	m.Link.Function = bacnet.OriginalUnicast
	m.Network.Control = bacnet.NetworkMessageBit
	return m
}

// tables asks for the tables of who manages broadcasts (Annex J.4).
func (a *bacnetAsking) tables() error {
	for _, f := range []bacnet.Function{bacnet.ReadBroadcastTable, bacnet.ReadForeignTable} {
		replies, err := a.perhaps(bacnetLink(f))
		if err != nil {
			return err
		}
		for _, r := range replies {
			m, ok := r.(*bacnet.LinkMessage)
			switch {
			case !ok:
			case m.Link.Function == bacnet.ReadBroadcastTableAck:
				a.remark(Fact, "manages broadcasts, with %d peers", len(m.Peers))
			case m.Link.Function == bacnet.ReadForeignTableAck && len(m.Foreign) > 0:
				a.remark(Fact, "has %d foreign devices", len(m.Foreign))
			}
		}
	}
	return nil
}

// A bacnetTour is the asking of one device.
type bacnetTour struct {
	*bacnetAsking
	station  *bacnet.Station // nil: the device itself
	name     string          // for remarks
	device   bacnet.ObjectID
	size     int    // the longest APDU it takes
	services []bool // that it says it has; nil: it does not say

	objects    []bacnet.ObjectID
	elements   int // of the object list
	has        map[bacnet.ObjectID]*bacnetHas
	noMultiple bool // it knows no ReadPropertyMultiple
	noAll      bool // or not for all properties
	multiples  int  // answers to it
	silences   int  // to it, in a row
	count      int  // properties
	sampled    int  // present values asked for at once
}

// newTour begins to ask a device. Its instance is told, or not known yet.
func (a *bacnetAsking) newTour(station *bacnet.Station, told *bacnet.IAmRequest) *bacnetTour {
	t := &bacnetTour{bacnetAsking: a, station: station, name: "the device", device: bacnetAnyDevice, size: bacnet.APDUSizes[len(bacnet.APDUSizes)-1],
		has: map[bacnet.ObjectID]*bacnetHas{}}
	if station != nil {
		t.name = profiles.BACnetStation(*station)
		t.size = bacnet.APDUSizes[3] // what MS/TP can carry
	}
	if told != nil {
		t.heard(told)
	}
	return t
}

// heard takes what a device says of itself.
func (t *bacnetTour) heard(i *bacnet.IAmRequest) {
	if i.Device.Type() == bacnet.ObjectDevice {
		t.device = i.Device
	}
	t.limit(uint64(i.MaxAPDU))
}

func (t *bacnetTour) limit(size uint64) {
	if most := bacnet.APDUSizes[len(bacnet.APDUSizes)-1]; size >= uint64(bacnet.APDUSizes[0]) && size < uint64(most) {
		t.size = int(size)
	}
}

// meet asks the device itself who it is. Many tell everybody on their network instead, who does not listen here.
func (a *bacnetAsking) meet() (*bacnetTour, error) {
	t := a.newTour(nil, nil)
	replies, err := a.perhaps(bacnetWhoIs(nil))
	if err != nil {
		return nil, err
	}
	for _, r := range replies {
		if m, ok := r.(*bacnet.UnconfirmedRequest); ok {
			i, told := m.Parameters.(*bacnet.IAmRequest)
			if _, behind := m.Network.From(); told && !behind {
				t.heard(i)
			}
		}
	}
	if len(replies) == 0 {
		a.remark(NotThere, "who-is is not answered to who asks alone")
	}
	return t, nil
}

// behind finds the devices on networks behind the device.
func (a *bacnetAsking) behind(own *bacnetTour) (list []*bacnetTour, err error) {
	networks := slices.Clone(a.Networks)
	for _, kind := range []bacnet.NetworkType{bacnet.WhatIsNetworkNumber, bacnet.WhoIsRouterToNetwork, bacnet.InitializeRoutingTable} {
		q := bacnetNetwork(kind)
		if kind == bacnet.InitializeRoutingTable {
			q.Ports = []bacnet.Route{} // without ports it only asks for the table (clause 6.4.7)
		}
		replies, err := a.perhaps(q)
		if err != nil {
			return nil, err
		}
		for _, r := range replies {
			m, ok := r.(*bacnet.NetworkMessage)
			if !ok {
				continue
			}
			if m.Type == bacnet.IAmRouterToNetwork {
				networks = append(networks, m.Networks...)
			}
			for _, p := range m.Ports {
				networks = append(networks, p.Network)
			}
		}
		if kind == bacnet.WhoIsRouterToNetwork && len(networks) > 0 {
			break
		}
	}
	var stations []bacnet.Station
	told := map[string]*bacnet.IAmRequest{}
	add := func(s bacnet.Station, i *bacnet.IAmRequest) {
		name := profiles.BACnetStation(s)
		if _, known := told[name]; s.Network == 0 || s.Network == bacnet.EveryNetwork || len(s.MAC) == 0 || known && i == nil {
			return
		}
		if told[name] == nil && len(told) < bacnetStationsMost {
			stations = append(stations, s)
			told[name] = i
		}
	}
	for _, name := range a.Stations {
		if s, err := profiles.ParseBACnetStation(name); err == nil {
			add(s, nil)
		}
	}
	bound, err := own.bindings()
	if err != nil {
		return nil, err
	}
	for _, s := range bound {
		add(s, nil)
		networks = append(networks, s.Network)
	}
	slices.Sort(networks)
	networks = slices.DeleteFunc(slices.Compact(networks), func(n uint16) bool { return n == 0 || n == bacnet.EveryNetwork })
	asks := []uint16{bacnet.EveryNetwork}
	if len(networks) > 0 {
		asks = networks[:min(len(networks), bacnetStationsMost)]
		a.remark(Fact, "routes to networks %v", asks)
	}
	for _, n := range asks {
		replies, err := a.perhaps(bacnetWhoIs(&bacnet.Station{Network: n}))
		if err != nil {
			return nil, err
		}
		for _, r := range replies {
			m, ok := r.(*bacnet.UnconfirmedRequest)
			if !ok {
				continue
			}
			i, ok := m.Parameters.(*bacnet.IAmRequest)
			if s, from := m.Network.From(); ok && from {
				add(s, i)
			}
		}
	}
	slices.SortFunc(stations, func(x, y bacnet.Station) int {
		return cmp.Or(cmp.Compare(x.Network, y.Network), slices.Compare(x.MAC, y.MAC))
	})
	stations = slices.CompactFunc(stations, func(x, y bacnet.Station) bool { return x.Equal(&y) })
	for _, s := range stations {
		list = append(list, a.newTour(&s, told[profiles.BACnetStation(s)]))
	}
	if len(list) > 0 {
		a.remark(Fact, "%d devices on networks behind it", len(list))
	}
	return list, nil
}

// bindings are the devices behind a router that the device knows the addresses of (clause 12.11.36).
func (t *bacnetTour) bindings() (list []bacnet.Station, err error) {
	v, _, err := t.read(t.device, bacnet.PropDeviceAddressBinding, nil)
	e := v.Elements()
	for ; len(e) >= 3; e = e[3:] {
		_, ok := e[0].Object()
		n, number := e[1].Unsigned()
		tag, mac := e[2].First()
		if ok && number && n > 0 && n < bacnet.EveryNetwork && !tag.Context && bacnet.TagNumber(tag.Number) == bacnet.TagOctets {
			list = append(list, bacnet.Station{Network: uint16(n), MAC: mac})
		}
	}
	return list, err
}
