package emulate

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"ringer/capture/http"
	"ringer/profiles"
)

// Accounts of the AccountService are the device's accounts: what is changed in one is seen in the other.

// learnAccounts finds the resources that show the accounts, and follows these.
func (r *redfishDevice) learnAccounts() {
	r.users = map[*account]*redfishResource{}
	for _, x := range r.tree {
		if x.json && redfishTypeOf(x) == "ManagerAccount" {
			if a := r.accounts.find(jsonString(x.data, "/UserName")); a != nil {
				r.users[a] = x
			}
		}
	}
	r.accounts.watch(r.showAccount)
}

// accountsAt is the collection of accounts; nil: there is none.
func (r *redfishDevice) accountsAt() *redfishResource {
	if c := r.link(r.tree["/redfish/v1/AccountService"], "/Accounts"); c != nil && c.json {
		return c
	}
	return nil
}

// accountOf is the account that a resource shows.
func (r *redfishDevice) accountOf(x *redfishResource) *account {
	for a, shows := range r.users {
		if shows == x {
			return a
		}
	}
	return nil
}

// showAccount has the resource of an account say what became of it.
func (r *redfishDevice) showAccount(a *account, what accountChange) {
	x := r.users[a]
	switch {
	case what == accountRemoved:
		delete(r.users, a)
		r.endSessionsOf(a)
		switch {
		case x == nil || r.tree[x.path] != x:
		case r.emptySlots():
			r.set(x, r.accountBody(x.data, &account{}))
		default:
			r.remove(x)
		}
		return
	case x == nil && what == accountAdded:
		if x = r.place(a); x == nil {
			return
		}
		r.users[a] = x
	case x == nil:
		return
	}
	if was := jsonString(x.data, "/UserName"); was != a.Name && what != accountAdded { // a new resource is a copy of another's
		for _, s := range r.sessions {
			if s.user == was {
				s.user = a.Name
			}
		}
	}
	if a.closed() {
		r.endSessionsOf(a)
	}
	if data := r.accountBody(x.data, a); !bytes.Equal(data, x.data) {
		r.set(x, data)
		r.tell("ResourceChanged", x.path)
	}
}

// endSessionsOf ends the log-ins of somebody.
func (r *redfishDevice) endSessionsOf(a *account) {
	for _, s := range slices.Clone(r.sessions) {
		if s.user == a.Name {
			r.endSession(s)
		}
	}
}

// emptySlots says whether the original shows places of the list that nobody has.
func (r *redfishDevice) emptySlots() bool {
	c := r.accountsAt()
	if c == nil {
		return false
	}
	for _, item := range jsonItems(jsonGet(c.data, "/Members")) {
		x := r.at(jsonString(item, "/@odata.id"))
		if x != nil && x.json && !x.changed && jsonGet(x.data, "/UserName") != nil && jsonString(x.data, "/UserName") == "" {
			return true
		}
	}
	return false
}

// place finds or makes a resource for a new account: that of its slot, if slots are what resources are named for.
func (r *redfishDevice) place(a *account) *redfishResource {
	c := r.accountsAt()
	if c == nil {
		return nil
	}
	id := fmt.Sprint(a.slot)
	for _, item := range jsonItems(jsonGet(c.data, "/Members")) {
		x := r.at(jsonString(item, "/@odata.id"))
		if x != nil && x.json && jsonString(x.data, "/UserName") == "" && (a.slot == 0 || jsonString(x.data, "/Id") == id) {
			return x
		}
	}
	if a.slot == 0 || r.tree[c.path+"/"+id] != nil || !r.namedForSlots() {
		id = r.freshID(c)
	}
	body := r.newAccountBody(c, c.path+"/"+id, id)
	return r.create(c, id, body)
}

// newAccountBody is the text of a resource for a new account, after that of another.
func (r *redfishDevice) newAccountBody(collection *redfishResource, at, id string) []byte {
	body := []byte(`{"@odata.id": "", "@odata.type": "#ManagerAccount.v1_3_0.ManagerAccount", "Id": "", "Name": "User Account", "UserName": "", "Password": null, "RoleId": "", "Enabled": true, "Locked": false}`)
	for _, item := range jsonItems(jsonGet(collection.data, "/Members")) {
		if like := r.at(jsonString(item, "/@odata.id")); like != nil && like.json && redfishTypeOf(like) == "ManagerAccount" {
			body = slices.Clone(like.data)
			break
		}
	}
	body = jsonSet(jsonSet(body, "/@odata.id", jsonQuote(at)), "/Id", jsonQuote(id))
	if jsonGet(body, "/Locked") != nil {
		body = jsonSet(body, "/Locked", []byte("false"))
	}
	return body
}

// namedForSlots says whether the accounts that have a slot are shown under its number.
func (r *redfishDevice) namedForSlots() bool {
	for a, x := range r.users {
		if a.slot != 0 && jsonString(x.data, "/Id") != fmt.Sprint(a.slot) {
			return false
		}
	}
	return true
}

// accountBody puts an account into the text of its resource.
func (r *redfishDevice) accountBody(data []byte, a *account) []byte {
	if jsonString(data, "/UserName") != a.Name {
		data = jsonSet(data, "/UserName", jsonQuote(a.Name))
	}
	if role := r.roleOf(a); jsonString(data, "/RoleId") != role {
		data = jsonSet(data, "/RoleId", jsonQuote(role))
		if at := jsonString(data, "/Links/Role/@odata.id"); at != "" {
			data = jsonSet(data, "/Links/Role/@odata.id", jsonQuote(at[:strings.LastIndexByte(at, '/')+1]+role))
		}
	}
	enabled := "true"
	if a.disabled || a.Name == "" {
		enabled = "false"
	}
	if v := jsonGet(data, "/Enabled"); v != nil && string(v) != enabled {
		data = jsonSet(data, "/Enabled", []byte(enabled))
	}
	return data
}

// roleOf is the RoleId of an account: one of those that the service has (DSP0266, "Standard roles").
func (r *redfishDevice) roleOf(a *account) string {
	if a.Role == "" && a.Name == "" || strings.EqualFold(a.Role, accountNone) {
		return "None"
	}
	roles := r.link(r.tree["/redfish/v1/AccountService"], "/Roles")
	if roles != nil {
		for _, item := range jsonItems(jsonGet(roles.data, "/Members")) {
			at := strings.TrimSuffix(jsonString(item, "/@odata.id"), "/")
			if id := at[strings.LastIndexByte(at, '/')+1:]; strings.EqualFold(id, a.Role) {
				return id
			}
		}
	}
	switch role := strings.ToLower(a.Role); role {
	case "", "administrator", "oem":
		return "Administrator"
	case "operator":
		return "Operator"
	case "user", "callback", "readonly":
		return "ReadOnly"
	}
	return a.Role
}

// newAccount makes an account.
func (q *redfishAsked) newAccount(collection *redfishResource) Answer {
	r := q.r
	name := jsonString(q.body, "/UserName")
	if r.accounts.find(name) != nil {
		return q.refuse(400, "ResourceAlreadyExists", "ManagerAccount", "UserName", name)
	}
	a := &account{Account: profiles.Account{
		Name: strings.Clone(name), Bait: jsonString(q.body, "/Password"), Role: jsonString(q.body, "/RoleId"),
	}, disabled: string(jsonGet(q.body, "/Enabled")) == "false"}
	if r.made >= redfishMadeMost || !r.accounts.add(a) {
		return q.refuse(400, "CreateLimitReachedForResource")
	}
	x := r.users[a]
	if x == nil { // the collection is not the one that the service names
		return q.refuse(405, "OperationNotAllowed")
	}
	return q.say(201, x, x.data, http.Header{Name: "Location", Value: x.path})
}

// changeAccount makes an account follow its resource, which was changed; given is what was asked for. Who had no
// account, because nobody knows the password that the original had, has one from then on.
func (r *redfishDevice) changeAccount(x *redfishResource, given []byte) {
	a, added := r.accountOf(x), false
	if name := jsonString(x.data, "/UserName"); a == nil && name != "" && r.accounts.find(name) == nil {
		a, added = &account{Account: profiles.Account{Name: name, Role: jsonString(x.data, "/RoleId")}}, true
		a.disabled = string(jsonGet(x.data, "/Enabled")) == "false"
		r.users[a] = x
	}
	if a == nil {
		return
	}
	name := jsonString(x.data, "/UserName")
	switch {
	case name == "" && !added:
		r.accounts.remove(a)
		return
	case r.accounts.find(name) == nil:
		for _, s := range r.sessions {
			if s.user == a.Name {
				s.user = name
			}
		}
		a.Name = name
	}
	if role := jsonString(x.data, "/RoleId"); role != "" && jsonGet(given, "/RoleId") != nil {
		a.Role = role
	}
	if jsonGet(given, "/Password") != nil {
		a.setPassword(jsonString(given, "/Password"))
	}
	if v := string(jsonGet(given, "/Enabled")); v == "true" || v == "false" {
		a.disabled = v == "false"
	}
	if !added {
		r.accounts.changed(a)
	} else if !r.accounts.add(a) {
		delete(r.users, a)
	}
}
