package clone

import (
	"strings"

	"ringer/capture/bacnet"
)

// The properties of objects whose device does not list them (clause 12), by what the object is.
const (
	bacnetOfAll    = "object-identifier object-name object-type description profile-name"
	bacnetOfValues = " present-value status-flags event-state reliability out-of-service"
	bacnetOfAlarms = " time-delay notification-class event-enable acked-transitions notify-type event-time-stamps event-detection-enable"
	bacnetOfAnalog = " device-type update-interval units min-pres-value max-pres-value resolution cov-increment high-limit low-limit deadband limit-enable"
	bacnetOfBinary = " device-type polarity inactive-text active-text change-of-state-time change-of-state-count time-of-state-count-reset elapsed-active-time time-of-active-time-reset minimum-off-time minimum-on-time alarm-value feedback-value"
	bacnetOfStates = " device-type number-of-states state-text alarm-values fault-values feedback-value"
	bacnetOfOrders = " priority-array relinquish-default"
	bacnetOfDevice = " system-status vendor-name vendor-identifier model-name firmware-revision application-software-version location protocol-version protocol-revision" +
		" protocol-services-supported protocol-object-types-supported max-apdu-length-accepted segmentation-supported max-segments-accepted" +
		" local-time local-date utc-offset daylight-savings-status apdu-segment-timeout apdu-timeout number-of-apdu-retries max-master max-info-frames" +
		" device-address-binding database-revision configuration-files last-restore-time active-cov-subscriptions last-restart-reason time-of-device-restart serial-number"
	bacnetOfLogs = " status-flags event-state reliability start-time stop-time log-device-object-property log-interval stop-when-full buffer-size record-count total-record-count logging-type"
	bacnetOfFile = " file-type file-size modification-date archive read-only file-access-method record-count"
	bacnetOfPlan = " present-value effective-period weekly-schedule exception-schedule schedule-default list-of-object-property-references priority-for-writing status-flags reliability out-of-service"
)

// bacnetUsual are the properties that an object of a type may have.
func bacnetUsual(kind bacnet.ObjectType) (list []bacnet.PropertyID) {
	text := bacnetOfAll
	switch kind {
	case bacnet.ObjectDevice:
		text += bacnetOfDevice
	case bacnet.ObjectAnalogInput:
		text += bacnetOfValues + bacnetOfAnalog + bacnetOfAlarms
	case bacnet.ObjectAnalogOutput, bacnet.ObjectAnalogValue:
		text += bacnetOfValues + bacnetOfAnalog + bacnetOfOrders + bacnetOfAlarms
	case bacnet.ObjectBinaryInput:
		text += bacnetOfValues + bacnetOfBinary + bacnetOfAlarms
	case bacnet.ObjectBinaryOutput, bacnet.ObjectBinaryValue:
		text += bacnetOfValues + bacnetOfBinary + bacnetOfOrders + bacnetOfAlarms
	case bacnet.ObjectMultiStateInput:
		text += bacnetOfValues + bacnetOfStates + bacnetOfAlarms
	case bacnet.ObjectMultiStateOutput, bacnet.ObjectMultiStateValue:
		text += bacnetOfValues + bacnetOfStates + bacnetOfOrders + bacnetOfAlarms
	case bacnet.ObjectTrendLog:
		text += bacnetOfLogs
	case bacnet.ObjectFile:
		text += bacnetOfFile
	case bacnet.ObjectSchedule:
		text += bacnetOfPlan
	case bacnet.ObjectCalendar:
		text += " present-value date-list"
	case bacnet.ObjectNotificationClass:
		text += " notification-class priority ack-required recipient-list"
	default:
		text += bacnetOfValues + bacnetOfOrders + bacnetOfAlarms
	}
	for name := range strings.FieldsSeq(text) {
		if p, err := bacnet.ParseProperty(name); err == nil {
			list = append(list, p)
		}
	}
	return list
}
