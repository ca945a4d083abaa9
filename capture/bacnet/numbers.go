package bacnet

// Properties that are known by what they mean.
const (
	PropAll                          PropertyID = 8
	PropRequired                     PropertyID = 105
	PropOptional                     PropertyID = 80
	PropObjectIdentifier             PropertyID = 75
	PropObjectName                   PropertyID = 77
	PropObjectType                   PropertyID = 79
	PropObjectList                   PropertyID = 76
	PropPropertyList                 PropertyID = 371
	PropVendorName                   PropertyID = 121
	PropVendorIdentifier             PropertyID = 120
	PropModelName                    PropertyID = 70
	PropFirmwareRevision             PropertyID = 44
	PropApplicationSoftwareVersion   PropertyID = 12
	PropLocation                     PropertyID = 58
	PropSerialNumber                 PropertyID = 372
	PropPresentValue                 PropertyID = 85
	PropStatusFlags                  PropertyID = 111
	PropCOVIncrement                 PropertyID = 22
	PropPriorityArray                PropertyID = 87
	PropRelinquishDefault            PropertyID = 104
	PropEventState                   PropertyID = 36
	PropProtocolVersion              PropertyID = 98
	PropProtocolRevision             PropertyID = 139
	PropProtocolServicesSupported    PropertyID = 97
	PropProtocolObjectTypesSupported PropertyID = 96
	PropSystemStatus                 PropertyID = 112
	PropSegmentationSupported        PropertyID = 107
	PropMaxAPDULengthAccepted        PropertyID = 62
	PropMaxSegmentsAccepted          PropertyID = 167
	PropAPDUTimeout                  PropertyID = 11
	PropAPDUSegmentTimeout           PropertyID = 10
	PropNumberOfAPDURetries          PropertyID = 73
	PropDeviceAddressBinding         PropertyID = 30
	PropDatabaseRevision             PropertyID = 155
	PropLocalDate                    PropertyID = 56
	PropLocalTime                    PropertyID = 57
	PropLogBuffer                    PropertyID = 131
	PropRecordCount                  PropertyID = 141
	PropTotalRecordCount             PropertyID = 145
	PropFileSize                     PropertyID = 42
	PropOutOfService                 PropertyID = 81
	PropCurrentCommandPriority       PropertyID = 431
	PropAckedTransitions             PropertyID = 0
	PropEventTimeStamps              PropertyID = 130
	PropEventEnable                  PropertyID = 35
	PropNotifyType                   PropertyID = 72
	PropUnits                        PropertyID = 117
	PropDescription                  PropertyID = 28
	PropFileAccessMethod             PropertyID = 41
	PropActiveCOVSubscriptions       PropertyID = 152
	PropArchive                      PropertyID = 13
	PropModificationDate             PropertyID = 71
	PropReadOnly                     PropertyID = 99
	PropNotificationClass            PropertyID = 17
	PropPriority                     PropertyID = 86
	PropUTCOffset                    PropertyID = 119
	PropDaylightSavingsStatus        PropertyID = 24
)

// Object types that are known by what they mean.
const (
	ObjectAnalogInput       ObjectType = 0
	ObjectAnalogOutput      ObjectType = 1
	ObjectAnalogValue       ObjectType = 2
	ObjectBinaryInput       ObjectType = 3
	ObjectBinaryOutput      ObjectType = 4
	ObjectBinaryValue       ObjectType = 5
	ObjectDevice            ObjectType = 8
	ObjectFile              ObjectType = 10
	ObjectMultiStateInput   ObjectType = 13
	ObjectMultiStateOutput  ObjectType = 14
	ObjectMultiStateValue   ObjectType = 19
	ObjectTrendLog          ObjectType = 20
	ObjectTrendLogMultiple  ObjectType = 27
	ObjectEventLog          ObjectType = 25
	ObjectCalendar          ObjectType = 6
	ObjectNotificationClass ObjectType = 15
	ObjectSchedule          ObjectType = 17
	ObjectAccumulator       ObjectType = 23
)

// Errors that devices give by themselves (clause 18).
const (
	ClassDevice    ErrorClass = 0
	ClassObject    ErrorClass = 1
	ClassProperty  ErrorClass = 2
	ClassResources ErrorClass = 3
	ClassSecurity  ErrorClass = 4
	ClassServices  ErrorClass = 5

	CodeOther                             ErrorCode = 0
	CodeDynamicCreationNotSupported       ErrorCode = 4
	CodeInvalidFileAccessMethod           ErrorCode = 10
	CodeInvalidFileStartPosition          ErrorCode = 11
	CodeInvalidDataType                   ErrorCode = 9
	CodeObjectDeletionNotPermitted        ErrorCode = 23
	CodePasswordFailure                   ErrorCode = 26
	CodeUnknownObject                     ErrorCode = 31
	CodeUnknownProperty                   ErrorCode = 32
	CodeValueOutOfRange                   ErrorCode = 37
	CodeWriteAccessDenied                 ErrorCode = 40
	CodeInvalidArrayIndex                 ErrorCode = 42
	CodeCOVSubscriptionFailed             ErrorCode = 43
	CodeOptionalFunctionalityNotSupported ErrorCode = 45
	CodePropertyIsNotAnArray              ErrorCode = 50
	CodePropertyIsNotAList                ErrorCode = 22
	CodeFileFull                          ErrorCode = 128
	CodeNoSpaceToWriteProperty            ErrorCode = 20
	CodeNoSpaceForObject                  ErrorCode = 18
	CodeNoSpaceToAddListElement           ErrorCode = 19
	CodeObjectIdentifierAlreadyExists     ErrorCode = 24
	CodeUnsupportedObjectType             ErrorCode = 36
	CodeListElementNotFound               ErrorCode = 81
	CodeFileAccessDenied                  ErrorCode = 5
	CodeInconsistentObjectType            ErrorCode = 130
	CodeInvalidTimeStamp                  ErrorCode = 14
	CodeInvalidEventState                 ErrorCode = 73
	CodeNoAlarmConfigured                 ErrorCode = 74
	CodeNotCOVProperty                    ErrorCode = 44
	CodeUnknownSubscription               ErrorCode = 79
)
