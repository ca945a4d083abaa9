package clone

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ringer/capture/modbus"
)

// Devices with bad habits end a scan in time, with what was learned of them.
func TestModbusScanOfHostileDevices(t *testing.T) {
	t.Parallel()
	tables := [4][]modbusRun{{{0, 8}}, nil, {{0, 40}, {4000, 4004}}, nil}
	exception := func(req modbus.Message, code modbus.ExceptionCode) []byte {
		b, _ := (&modbus.Exception{Header: modbus.Header{Transaction: req.Head().Transaction, Unit: req.Head().Unit}, Function: req.Code(), Reason: code}).Append(nil)
		return b
	}
	hour := fast
	hour.Time = 2 * time.Second
	late := hour
	late.Timeout = 500 * time.Millisecond
	for _, tt := range []struct {
		name   string
		device *fakePLC
		care   Care
		whole  bool   // all is found all the same
		says   string // a remark, or the error
	}{
		{"drops every third question", &fakePLC{habit: func(n int, b []byte) []byte {
			if n%3 == 0 {
				return []byte{}
			}
			return b
		}}, Care{Name: "test", Connections: 1, Timeout: 10 * time.Millisecond, Again: 1, Silences: 4, Slower: 100, Bytes: 64 << 20, Time: time.Minute}, true, ""},
		{"answers late", &fakePLC{habit: func(n int, b []byte) []byte {
			time.Sleep(200 * time.Millisecond)
			return b
		}}, late, false, "the time of 2s is used up"},
		{"resets connections", &fakePLC{habit: func(n int, b []byte) []byte {
			if n%4 == 0 {
				return nil
			}
			return b
		}}, hour, false, "the time of 2s is used up"},
		{"falls silent", &fakePLC{habit: func(n int, b []byte) []byte {
			if n > 100 {
				return []byte{}
			}
			return b
		}}, fast, false, "stopped answering"},
		{"answers garbage to every tenth", &fakePLC{habit: func(n int, b []byte) []byte {
			if n%10 == 0 {
				return []byte("garbage that is no Modbus")
			}
			return b
		}}, fast, false, "the answer is not of the protocol"},
		{"is busy for ever", &fakePLC{before: func(n int, req modbus.Message) []byte {
			if n > 20 {
				return exception(req, modbus.ServerDeviceBusy)
			}
			return nil
		}}, fast, false, "left alone after 3 questions in a row"},
		{"is busy at times", &fakePLC{before: func(n int, req modbus.Message) []byte {
			if n%50 == 0 {
				return exception(req, modbus.ServerDeviceBusy)
			}
			return nil
		}}, fast, true, "is busy at times"},
		{"gives no transaction back", &fakePLC{habit: func(n int, b []byte) []byte {
			if len(b) > 1 {
				b[0], b[1] = 0, 0
			}
			return b
		}}, fast, true, "answers with transactions that were not asked, as 0"},
		{"answers as another unit", &fakePLC{habit: func(n int, b []byte) []byte {
			if len(b) > 6 {
				b[6] = 9
			}
			return b
		}}, fast, true, "unit 1: answers as unit 9"},
		{"refuses by another exception", &fakePLC{habit: func(n int, b []byte) []byte {
			if len(b) > 8 && b[7] == 0x83 && b[8] == 2 {
				b[8] = 4
			}
			return b
		}}, fast, true, "refuses addresses of holding registers with exception 4"},
		{"says nothing of what is not there", &fakePLC{habit: func(n int, b []byte) []byte {
			if len(b) > 8 && b[7] > 0x80 {
				return []byte{}
			}
			return b
		}}, fast, false, "left alone after 3 questions in a row"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.device.any = &tables
			d := tt.device.listen(t)
			begun := time.Now()
			v, all, err := scanModbus(t, &ModbusScanner{Quick: true, Samples: 2, Every: time.Millisecond}, d, tt.care, nil)
			if took := time.Since(begun); took > 40*time.Second {
				t.Errorf("took %v", took)
			}
			if says := remarksOf(v) + fmt.Sprint(err); !strings.Contains(says, tt.says) {
				t.Errorf("want %q in\n%s", tt.says, says)
			}
			m, _ := modbusLearned(t, all)
			if m == nil {
				t.Fatal("nothing was learned")
			}
			if tt.whole {
				if err != nil {
					t.Error(err)
				}
				if d := cmp.Diff(tables, heldBy(&m.ModbusUnit), cmp.AllowUnexported(modbusRun{})); d != "" {
					t.Errorf("found (-want +got):\n%s\n%s", d, remarksOf(v))
				}
			} else if len(m.Registers) == 0 {
				t.Errorf("nothing was found: %s", remarksOf(v))
			}
		})
	}
}
