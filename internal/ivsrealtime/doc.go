// Package ivsrealtime is the real-time API: stages and participant tokens, as resources in the database.
//
// Shapes, their rules, the route table and the answers of operations not built yet are generated from
// spec/ivs-realtime.json; a method of Service is one operation.
package ivsrealtime
