// Command gologix-client asks a controller as users of the library gologix do, and is a controller made with
// it. It is a module of its own: the tests build it when they run.
//
//	gologix-client tags HOST    lists tags with their structures; reads and writes them; prints JSON
//	gologix-client read HOST    only reads the tags that "serve" has
//	gologix-client serve        serves COUNT, LEVEL, NAME and COUNTS on every address, port 44818, until it is ended
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/danomagnum/gologix"
)

// Tank is a structure of the controller; the library finds its handle by its name and members.
type Tank struct {
	Level float32
	Pump  bool
	Alarm bool
	Hours int32
	Trend [4]int16
}

func main() {
	log.SetFlags(0)
	if len(os.Args) < 2 {
		log.Fatal("usage: gologix-client tags|read HOST, or serve")
	}
	if os.Args[1] == "serve" {
		serve()
		return
	}
	c := gologix.NewClient(os.Args[2])
	c.SocketTimeout = 3 * time.Second
	if err := c.Connect(); err != nil {
		log.Fatal(err)
	}
	defer c.Disconnect()
	got := map[string]any{}
	if os.Args[1] == "tags" {
		tags(c, got)
	} else {
		served(c, got)
	}
	if err := json.NewEncoder(os.Stdout).Encode(got); err != nil {
		log.Fatal(err)
	}
}

// read reads one tag, or says why not.
func read[T any](c *gologix.Client, got map[string]any, tag string) {
	var v T
	if err := c.Read(tag, &v); err != nil {
		got[tag] = err.Error()
		return
	}
	got[tag] = v
}

// array reads elements of an array.
func array[T any](c *gologix.Client, got map[string]any, tag string, n int) {
	v := make([]T, n)
	if err := c.Read(tag, v); err != nil {
		got[tag] = err.Error()
		return
	}
	got[tag] = v
}

func tags(c *gologix.Client, got map[string]any) {
	if identity, err := c.ListIdentity(); err == nil {
		got["identity"] = fmt.Sprint(identity.ProductName, " ", identity.Vendor, " ", identity.Revision)
	} else {
		got["identity"] = err.Error()
	}
	if err := c.ListAllTags(0); err != nil {
		log.Fatal("list: ", err)
	}
	var list []string
	for _, t := range c.KnownTags {
		kind := fmt.Sprint(t.Info.Type)
		if t.UDT != nil {
			kind = t.UDT.Name
		}
		if !strings.Contains(t.Name, ":") || t.Parent != nil {
			list = append(list, fmt.Sprint(t.Name, " ", kind, " ", t.Array_Order))
		}
	}
	slices.Sort(list)
	got["tags"] = list
	var members []string
	if tank := c.KnownTags["tank1"].UDT; tank != nil {
		for _, m := range tank.Members {
			members = append(members, m.Name)
		}
	}
	got["members"] = members

	read[float32](c, got, "LEVEL")
	read[int32](c, got, "COUNT")
	read[int16](c, got, "GRID[1,2]")
	read[int64](c, got, "SERIAL")
	read[string](c, got, "BATCH")
	read[float32](c, got, "TANK1.level")
	read[bool](c, got, "TANK1.pump")
	read[Tank](c, got, "TANK1")
	read[int16](c, got, "Program:Main.STEP")
	read[int32](c, got, "NOPE")
	array[int32](c, got, "COUNTS", 10)
	array[bool](c, got, "FLAGS", 64)
	array[int32](c, got, "LONG", 400)

	several := map[string]any{"COUNT": int32(0), "LEVEL": float32(0), "GRID[0,0]": int16(0)}
	if err := c.ReadMap(several); err != nil {
		several["error"] = err.Error()
	}
	got["several"] = several

	wrote := map[string]string{}
	write := func(tag string, value any) {
		wrote[tag] = "written"
		if err := c.Write(tag, value); err != nil {
			wrote[tag] = "refused"
		}
	}
	write("COUNT", int32(7))
	write("COUNTS[2]", []int32{30, 40})
	write("TANKS[1].hours", int32(99))
	write("TANKS[2]", Tank{1.5, true, true, 5, [4]int16{1, 2, 3, 4}})
	write("TANK1.level", float32(3.25))
	write("LEVEL", float32(9))
	write("SERIAL", int64(1))
	write("NOPE", int32(1))
	got["wrote"] = wrote
	back := map[string]any{}
	read[int32](c, back, "COUNT")
	array[int32](c, back, "COUNTS[1]", 4)
	read[int32](c, back, "TANKS[1].hours")
	read[Tank](c, back, "TANKS[2]")
	read[float32](c, back, "LEVEL")
	read[int64](c, back, "SERIAL")
	got["read back"] = back
}

func served(c *gologix.Client, got map[string]any) {
	read[int32](c, got, "COUNT")
	read[float32](c, got, "LEVEL")
	read[string](c, got, "NAME")
	array[int32](c, got, "COUNTS", 10)
	array[int32](c, got, "COUNTS[3]", 4)
	for _, a := range []gologix.CIPAttribute{1, 2, 3, 4, 5, 6} { // its text it has in another form on connections
		name := fmt.Sprint("identity ", a)
		item, err := c.GetAttrSingle(gologix.CipObject_Identity, 1, a)
		if err != nil {
			got[name] = err.Error()
			continue
		}
		got[name] = fmt.Sprintf("%x", item.Rest())
	}
}

func serve() {
	router := gologix.NewRouter()
	tags := &gologix.MapTagProvider{}
	path, err := gologix.ParsePath("1,0")
	if err != nil {
		log.Fatal(err)
	}
	router.Handle(path.Bytes(), tags)
	for name, value := range map[string]any{
		"COUNT": int32(42), "LEVEL": float32(2.5), "NAME": "pump house", "COUNTS": []int32{1, 2, 3, 4, 5, 6, 7, 8, 9, 10},
	} {
		if err := tags.TagWrite(name, value); err != nil {
			log.Fatal(err)
		}
	}
	log.Fatal(gologix.NewServer(router).Serve())
}
