// Package ivschat is the chat API: rooms, logging configurations and chat tokens, as resources in the database,
// and the calls that reach into a running room.
//
// Shapes, their rules and the route table are generated from
// spec/ivschat.json; a method of Service is one operation.
package ivschat
