package bacnet

import "reflect"

// Services that read and write files (clause 14).

// ReadFileRequest reads bytes or records (clause 14.1).
type ReadFileRequest struct {
	File   ObjectID
	Stream *FileRange `bacnet:"0,open"`
	Record *FileRange `bacnet:"1,open"`
}

type FileRange struct {
	Start int32
	Count uint32
}

type ReadFileAck struct {
	EndOfFile bool
	Stream    *FileData    `bacnet:"0,open"`
	Record    *FileRecords `bacnet:"1,open"`
}

type FileData struct {
	Start int32
	Data  []byte
}

type FileRecords struct {
	Start   int32
	Count   uint32
	Records []FileRecord
}

type FileRecord struct{ Data []byte }

// WriteFileRequest writes bytes or records; at -1 it appends (clause 14.2).
type WriteFileRequest struct {
	File   ObjectID
	Stream *FileData    `bacnet:"0,open"`
	Record *FileRecords `bacnet:"1,open"`
}

type WriteFileAck struct {
	Stream *int32 `bacnet:"0"`
	Record *int32 `bacnet:"1"`
}

func (p *ReadFileRequest) appendTo(b []byte) []byte  { return encode(b, reflect.ValueOf(p).Elem()) }
func (p *ReadFileAck) appendTo(b []byte) []byte      { return encode(b, reflect.ValueOf(p).Elem()) }
func (p *WriteFileRequest) appendTo(b []byte) []byte { return encode(b, reflect.ValueOf(p).Elem()) }
func (p *WriteFileAck) appendTo(b []byte) []byte     { return encode(b, reflect.ValueOf(p).Elem()) }
