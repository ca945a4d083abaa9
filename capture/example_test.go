package capture_test

import (
	"fmt"
	"log"

	"ringer/capture"
)

func ExampleExchanges() {
	f, err := capture.Open("../testdata/pump-station.pcapng")
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	count := map[string]int{}
	for x, err := range capture.Exchanges(f, capture.Options{}) {
		if err != nil {
			log.Fatal(err)
		}
		if x.Request != nil && len(x.Replies) > 0 {
			count[x.Protocol.Name()]++
		}
	}
	fmt.Println(count["modbus"] > 50, count["s7"] > 30, count["snmp"] > 200, count["http"] > 10)
	// Output: true true true true
}
