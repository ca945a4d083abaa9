package emulate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"ringer/capture/http"
	"ringer/profiles"
)

// A redfishAction is an action that a resource lists.
type redfishAction struct {
	name   string // "ComputerSystem.Reset"
	of     *redfishResource
	values map[string][]string // what parameters may be, as the resource says
	info   string              // path of its ActionInfo
}

// learnActions finds the actions of all resources.
func (r *redfishDevice) learnActions() {
	r.actions = map[string]*redfishAction{}
	for _, x := range r.tree {
		if !x.json {
			continue
		}
		actions := jsonGet(x.data, "/Actions")
		for name, v := range jsonMembers(actions) {
			r.learnAction(x, name, v)
			if name == "Oem" {
				for name, v := range jsonMembers(v) {
					r.learnAction(x, name, v)
				}
			}
		}
	}
}

func (r *redfishDevice) learnAction(x *redfishResource, name string, v []byte) {
	name, ok := strings.CutPrefix(name, "#")
	target := jsonString(v, "/target")
	if jsonKind(v) != "object" || !ok || !strings.HasPrefix(target, "/redfish/") {
		return
	}
	a := &redfishAction{name: name, of: x, values: map[string][]string{}, info: jsonString(v, "/@Redfish.ActionInfo")}
	for member, list := range jsonMembers(v) {
		if parameter, ok := strings.CutSuffix(member, "@Redfish.AllowableValues"); ok {
			for _, item := range jsonItems(list) {
				a.values[parameter] = append(a.values[parameter], jsonShown(item))
			}
		}
	}
	r.actions[strings.TrimSuffix(target, "/")] = a
}

// parameters are what an action takes, by its ActionInfo; nil: it is not known.
func (r *redfishDevice) parameters(a *redfishAction) []redfishParameter {
	x := r.at(a.info)
	if a.info == "" || x == nil || !x.json {
		return nil
	}
	var info struct{ Parameters []redfishParameter }
	if json.Unmarshal(x.data, &info) != nil {
		return nil
	}
	return info.Parameters
}

type redfishParameter struct {
	Name            string
	Required        bool
	DataType        string
	AllowableValues []string
}

// needed are the parameters without which actions do nothing, whatever the resource says.
var redfishNeeded = map[string]string{"VirtualMedia.InsertMedia": "Image", "UpdateService.SimpleUpdate": "ImageURI"}

// act does what an action is for.
func (q *redfishAsked) act(a *redfishAction) Answer {
	r := q.r
	if !r.mayChange(q.who, a.of.path) {
		return q.refuse(403, "InsufficientPrivilege")
	}
	if len(bytes.TrimSpace(q.body)) == 0 {
		q.body = []byte("{}")
	}
	if refusal := q.jsonBody(); refusal != nil {
		return *refusal
	}
	if faults := r.checkParameters(a, q.body); len(faults) > 0 {
		return q.refuseWith(400, faults...)
	}
	rule := r.sec.Actions[a.name]
	done, busy := r.effect(a, bytes.Clone(q.body), rule.Delay)
	if busy {
		return q.refuse(409, "ResourceInUse")
	}
	if tasks := r.tree["/redfish/v1/TaskService/Tasks"]; tasks != nil && (rule.Task || a.name == "UpdateService.SimpleUpdate") {
		return q.startTask(tasks, a, rule, done)
	}
	if done != nil {
		r.later(rule.Delay, done)
	}
	status := rule.Status
	if status == 0 {
		status = 204
	}
	if status == 204 {
		return q.say(204, nil, nil)
	}
	return q.say(status, nil, r.fault(r.info("Success", "")))
}

// checkParameters says what is wrong in the body of an action.
func (r *redfishDevice) checkParameters(a *redfishAction, body []byte) (faults [][]byte) {
	known := r.parameters(a)
	for name, v := range jsonMembers(body) {
		if strings.HasPrefix(name, "@") {
			continue
		}
		values := a.values[name]
		i := slices.IndexFunc(known, func(p redfishParameter) bool { return p.Name == name })
		if i >= 0 && values == nil {
			values = known[i].AllowableValues
		}
		fixed := i < 0 && (len(known) > 0 || a.name == "ComputerSystem.Reset" || a.name == "Manager.Reset" || a.name == "Chassis.Reset")
		switch {
		case fixed && name != "ResetType":
			faults = append(faults, r.info("ActionParameterUnknown", "", a.name, name))
		case values != nil && jsonKind(v) != "string", i >= 0 && !fitsType(v, known[i].DataType):
			faults = append(faults, r.info("ActionParameterValueTypeError", "", jsonShown(v), name, a.name))
		case values != nil && !slices.Contains(values, jsonShown(v)):
			faults = append(faults, r.info("ActionParameterValueNotInList", "", jsonShown(v), name, a.name))
		}
	}
	missing := func(name string) {
		if jsonGet(body, pointerTo("", name)) == nil {
			faults = append(faults, r.info("ActionParameterMissing", "", a.name, name))
		}
	}
	for _, p := range known {
		if p.Required {
			missing(p.Name)
		}
	}
	if name := redfishNeeded[a.name]; name != "" && !slices.ContainsFunc(known, func(p redfishParameter) bool { return p.Name == name && p.Required }) {
		missing(name)
	}
	return faults
}

// fitsType says whether a value is of a type that an ActionInfo names.
func fitsType(v []byte, want string) bool {
	switch kind := jsonKind(v); want {
	case "String":
		return kind == "string"
	case "Number":
		return kind == "number"
	case "Boolean":
		return kind == "boolean"
	case "Object":
		return kind == "object"
	case "StringArray", "NumberArray", "ObjectArray":
		return kind == "array"
	}
	return true
}

// effect is what an action does. done is what happens after the delay; what begins at once is done already.
func (r *redfishDevice) effect(a *redfishAction, body []byte, delay time.Duration) (done func(), busy bool) {
	x := a.of
	switch a.name {
	case "ComputerSystem.Reset", "Chassis.Reset":
		return nil, !r.reset(x, jsonString(body, "/ResetType"), delay)
	case "Manager.Reset":
		return func() {
			for len(r.sessions) > 0 {
				r.endSession(r.sessions[0])
			}
			r.stamp(x)
		}, false
	case "LogService.ClearLog":
		return func() { r.clearLog(x) }, false
	case "VirtualMedia.InsertMedia":
		return func() { r.insert(x, body) }, false
	case "VirtualMedia.EjectMedia":
		return func() { r.eject(x) }, false
	case "EventService.SubmitTestEvent":
		return func() { r.testEvent(body) }, false
	case "Bios.ResetBios":
		return nil, false
	}
	return nil, false
}

// stamp notes when something was reset last, where the original does.
func (r *redfishDevice) stamp(x *redfishResource) {
	if jsonGet(x.data, "/LastResetTime") != nil {
		r.set(x, jsonSet(x.data, "/LastResetTime", jsonQuote(r.redfishTime())))
	}
}

// clearLog empties a log.
func (r *redfishDevice) clearLog(x *redfishResource) {
	entries := r.link(x, "/Entries")
	if entries == nil {
		return
	}
	if r.log != nil && r.log.at == entries {
		r.log.clear()
		return
	}
	for p := range r.tree {
		if strings.HasPrefix(p, entries.path+"/") {
			delete(r.tree, p)
		}
	}
	data := jsonSet(entries.data, "/Members", []byte("[]"))
	r.set(entries, r.counted(data))
	r.tell("ResourceChanged", entries.path)
}

// insert and eject change what a virtual drive holds.
func (r *redfishDevice) insert(x *redfishResource, body []byte) {
	image := jsonString(body, "/Image")
	data := jsonSet(x.data, "/Image", jsonQuote(image))
	data = jsonSet(data, "/ImageName", jsonQuote(image[strings.LastIndexByte(image, '/')+1:]))
	inserted, protected := "true", "true"
	if string(jsonGet(body, "/Inserted")) == "false" {
		inserted = "false"
	}
	if string(jsonGet(body, "/WriteProtected")) == "false" {
		protected = "false"
	}
	data = jsonSet(data, "/Inserted", []byte(inserted))
	data = jsonSet(data, "/WriteProtected", []byte(protected))
	r.set(x, jsonSet(data, "/ConnectedVia", []byte(`"URI"`)))
	r.tell("ResourceChanged", x.path)
}

func (r *redfishDevice) eject(x *redfishResource) {
	data := x.data
	for _, name := range []string{"/Image", "/ImageName"} {
		if v := jsonGet(data, name); v != nil {
			data = jsonSet(data, name, []byte("null"))
		}
	}
	data = jsonSet(data, "/Inserted", []byte("false"))
	r.set(x, jsonSet(data, "/ConnectedVia", []byte(`"NotConnected"`)))
	r.tell("ResourceChanged", x.path)
}

// startTask answers with a task, and ends it when its time has come (DSP0266, "Asynchronous operations").
func (q *redfishAsked) startTask(tasks *redfishResource, a *redfishAction, rule profiles.RedfishAction, done func()) Answer {
	r := q.r
	id := r.freshID(tasks)
	monitor := "/redfish/v1/TaskService/TaskMonitors/" + id
	if r.tree[monitor] != nil {
		return q.refuse(503, "CreateLimitReachedForResource")
	}
	body := fmt.Appendf(nil, `{"@odata.id":%s,"@odata.type":"#Task.v1_4_3.Task","Id":%s,"Name":%s,"TaskState":"Running","TaskStatus":"OK","StartTime":%s,"PercentComplete":0,"TaskMonitor":%s,"Messages":[]}`,
		jsonQuote(tasks.path+"/"+id), jsonQuote(id), jsonQuote("Task "+id), jsonQuote(r.redfishTime()), jsonQuote(monitor))
	task := r.create(tasks, id, body)
	if task == nil || r.made >= redfishMadeMost {
		return q.refuse(503, "CreateLimitReachedForResource")
	}
	r.made++
	r.tree[monitor] = &redfishResource{path: monitor, data: []byte("{}"), json: true, mime: "application/json", made: true}
	finish := func() {
		if done != nil {
			done()
		}
		if r.tree[task.path] != task {
			return
		}
		for pointer, v := range map[string][]byte{
			"/TaskState": []byte(`"Completed"`), "/PercentComplete": []byte("100"), "/EndTime": jsonQuote(r.redfishTime()),
			"/Messages": append(append([]byte("["), r.info("Success", "")...), ']'),
		} {
			r.set(task, jsonSet(task.data, pointer, v))
		}
	}
	r.later(max(rule.Delay, time.Second), finish)
	return q.say(202, task, task.data, http.Header{Name: "Location", Value: monitor})
}

// monitored is the task that a monitor still watches: nil where the task has ended. monitor is false where x is none.
func (r *redfishDevice) monitored(x *redfishResource) (task *redfishResource, monitor bool) {
	id, ok := strings.CutPrefix(x.path, "/redfish/v1/TaskService/TaskMonitors/")
	if !ok || !x.made {
		return nil, false
	}
	task = r.tree["/redfish/v1/TaskService/Tasks/"+id]
	if task == nil || jsonString(task.data, "/TaskState") == "Completed" {
		return nil, true
	}
	return task, true
}
