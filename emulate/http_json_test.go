package emulate

import "testing"

func TestFindJSON(t *testing.T) {
	data := []byte(`{"tank": [{"level": 0.0}, {"le\"vel": -9e2}],` + "\n" + ` "pump": false, "a/b": {"~": "te\"xt"}, "n": null, "empty": [], "last": 7}`)
	for pointer, want := range map[string]string{
		"/tank/0/level": "0.0", "/tank/1/le\"vel": "-9e2", "/pump": "false", "/a~1b/~0": `te\"xt`, "/n": "null", "/last": "7",
		"/tank": "", "/tank/2": "", "/x": "", "/pump/x": "", "/empty/0": "",
	} {
		from, to, _, ok := findJSON(data, pointer)
		if ok != (want != "") || ok && string(data[from:to]) != want {
			t.Errorf("%s: %q, %v, want %q", pointer, data[from:to], ok, want)
		}
	}
	if _, _, _, ok := findJSON([]byte(`{"a": `), "/a"); ok {
		t.Error("found in what is not JSON")
	}
	for _, text := range []string{`7`, `"x"`, `{"a":[[[{}]]],"b":"]}"}`, ` [ ] `} {
		if i := jsonSpace([]byte(text), 0); jsonSpace([]byte(text), jsonEnd([]byte(text), i)) != len(text) {
			t.Errorf("%s ends at %d", text, jsonEnd([]byte(text), i))
		}
	}
}

func TestFindElement(t *testing.T) {
	page := []byte(`<p title="<b id='level'>x</b>">a</p><b  ID=level class=y>1.0 m</b><input value='2' id="set" />` +
		`<i data-id="level">no</i><u id='u'>t<b>x</b></u><i id="open">`)
	for id, want := range map[string]string{"level": "1.0 m", "set": "2", "u": "t"} {
		from, to, ok := findElement(page, id)
		if !ok || string(page[from:to]) != want {
			t.Errorf("%s: %q, %v, want %q", id, page[from:to], ok, want)
		}
	}
	for _, id := range []string{"open", "none", ""} {
		if from, to, ok := findElement(page, id); ok {
			t.Errorf("%s: %q", id, page[from:to])
		}
	}
}

func TestNormalTarget(t *testing.T) {
	for target, want := range map[string]string{
		"/": "/", "/a/b": "/a/b", "/a//b/": "/a/b/", "/a/./b/../c?x=/../": "/a/c", "http://h/a": "/a", "http://h": "/",
		"/%61%2Fb": "/a/b", "/a/..": "/", "/a/b/..": "/a/", "/a#b": "/a", "/a..b": "/a..b", "/.x": "/.x",
		"/../a": "", "/%2e%2e/a": "", "/a/../../b": "", "/%00": "", "/%zz": "", "/%2": "", "*": "", "": "", `/a\..\b`: "", "a/b": "",
	} {
		got, ok := normalTarget(target)
		if ok != (want != "") || ok && got != want {
			t.Errorf("%q: %q, %v, want %q", target, got, ok, want)
		}
	}
}
