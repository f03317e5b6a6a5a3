package main

import (
	"context"
	"fmt"
	"os"
	"reflect"
	"strings"
	"unsafe"

	"github.com/traefik/yaegi/interp"
)

// scope reaches what yaegi 0.16.1 keeps to itself: the names of the package that cells live in, and how its running
// code is told to stop. Redeclaring a name in a later cell needs the first (yaegi refuses it, or mixes both
// declarations up). Its own way to stop code, for the second, makes functions and channels from before useless, without
// a word. newScope fails if another version has no such fields.
type scope struct {
	names reflect.Value // map[string]*symbol
	id    *uint64       // code runs while this is what it was when the code started
	done  chan struct{} // operations on channels of interpreted code end when this gives a value
}

func newScope(i *interp.Interpreter) (s scope, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("this version of yaegi is laid out in another way: %v", r)
		}
	}()
	// Makes the package and the channel, and lets operations on channels be stopped from now on.
	if _, err := i.EvalWithContext(context.Background(), "var _ = 0"); err != nil {
		return s, err
	}
	value := reflect.ValueOf(i).Elem()
	s.id = open(value.FieldByName("id")).Addr().Interface().(*uint64)
	s.done = open(value.FieldByName("done")).Interface().(chan struct{})
	s.names = open(open(value.FieldByName("scopes")).MapIndex(reflect.ValueOf("main")).Elem().FieldByName("sym"))
	// The builtins print and println write there, and nothing else; in Go they write to stderr.
	open(value.FieldByName("opt").FieldByName("stdout")).Set(reflect.ValueOf(os.Stderr))
	return s, nil
}

// open makes a private field usable.
func open(field reflect.Value) reflect.Value {
	return reflect.NewAt(field.Type(), unsafe.Pointer(field.UnsafeAddr())).Elem()
}

func (s scope) has(name string) bool {
	return s.names.MapIndex(reflect.ValueOf(name)).IsValid() ||
		s.names.MapIndex(reflect.ValueOf(importKey(name))).IsValid()
}

// importKey is the name of an imported package in the scope.
func importKey(name string) string { return name + "/" + sourceSuffix }

func (s scope) remove(name string) { s.names.SetMapIndex(reflect.ValueOf(name), reflect.Value{}) }

// save returns a function that brings all names back as they are now.
func (s scope) save() func() {
	saved := reflect.MakeMapWithSize(s.names.Type(), s.names.Len())
	for at := s.names.MapRange(); at.Next(); {
		saved.SetMapIndex(at.Key(), at.Value())
	}
	return func() {
		s.names.Clear()
		for at := saved.MapRange(); at.Next(); {
			s.names.SetMapIndex(at.Key(), at.Value())
		}
	}
}

// methods returns the method lists of a type that is declared in cells, and of the pointer to it.
func (s scope) methods(name string, lists []reflect.Value) ([]reflect.Value, bool) {
	symbol := s.names.MapIndex(reflect.ValueOf(name))
	if !symbol.IsValid() || symbol.IsNil() {
		return lists, false
	}
	for t := open(symbol.Elem().FieldByName("typ")); !t.IsNil(); t = open(t.Elem().FieldByName("ptr")) {
		lists = append(lists, open(t.Elem().FieldByName("method")))
	}
	return lists, len(lists) > 0
}

// removeMethod forgets the method "T.m"; the result brings it back.
func (s scope) removeMethod(name string) func() {
	typeName, method, _ := strings.Cut(name, ".")
	lists, _ := s.methods(typeName, nil)
	var saved []reflect.Value
	for _, list := range lists {
		saved = append(saved, reflect.ValueOf(list.Interface()))
		kept := reflect.MakeSlice(list.Type(), 0, list.Len())
		for i := 0; i < list.Len(); i++ {
			if node := list.Index(i); open(node.Elem().FieldByName("ident")).String() != method {
				kept = reflect.Append(kept, node)
			}
		}
		list.Set(kept)
	}
	return func() {
		for i, list := range lists {
			list.Set(saved[i])
		}
	}
}
