// Package ivsrealtime is the real-time API: stages and participant tokens, as resources in the database.
//
// Shapes, their rules and the route table are generated from
// spec/ivs-realtime.json; a method of Service is one operation.
package ivsrealtime
