package main

import (
	"fmt"
	"go/ast"
	"log"
	"os"
	"path"
	"reflect"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/traefik/yaegi/interp"
	"github.com/traefik/yaegi/stdlib"
	yaegisyscall "github.com/traefik/yaegi/stdlib/syscall"
	"github.com/traefik/yaegi/stdlib/unrestricted"
	"github.com/traefik/yaegi/stdlib/unsafe"
)

// prelude brings the builtins that yaegi lacks, and the function that takes the value of a cell. Cells may use the
// names for something else.
const prelude = `
import . "opensandbox/cell"
type ordered interface {
	~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~uintptr | ~float32 | ~float64 | ~string
}
func min[T ordered](first T, more ...T) T {
	for _, v := range more { if v < first { first = v } }
	return first
}
func max[T ordered](first T, more ...T) T {
	for _, v := range more { if v > first { first = v } }
	return first
}
`

// slicesPrelude brings the functions of the package slices that yaegi lacks.
const slicesPrelude = `package slices
import "sort" // cmp is imported by the part that yaegi has
func Sort[E cmp.Ordered](x []E) { sort.Slice(x, func(i, j int) bool { return x[i] < x[j] }) }
func SortFunc[E any](x []E, f func(a, b E) int) { sort.Slice(x, func(i, j int) bool { return f(x[i], x[j]) < 0 }) }
func SortStableFunc[E any](x []E, f func(a, b E) int) {
	sort.SliceStable(x, func(i, j int) bool { return f(x[i], x[j]) < 0 })
}
func IsSorted[E cmp.Ordered](x []E) bool {
	for i := 1; i < len(x); i++ { if x[i] < x[i-1] { return false } }
	return true
}
func Max[E cmp.Ordered](x []E) E {
	if len(x) == 0 { panic("slices.Max: empty list") }
	m := x[0]
	for _, v := range x { if v > m { m = v } }
	return m
}
func Min[E cmp.Ordered](x []E) E {
	if len(x) == 0 { panic("slices.Min: empty list") }
	m := x[0]
	for _, v := range x { if v < m { m = v } }
	return m
}
func MaxFunc[E any](x []E, f func(a, b E) int) E {
	if len(x) == 0 { panic("slices.MaxFunc: empty list") }
	m := x[0]
	for _, v := range x { if f(v, m) > 0 { m = v } }
	return m
}
func MinFunc[E any](x []E, f func(a, b E) int) E {
	if len(x) == 0 { panic("slices.MinFunc: empty list") }
	m := x[0]
	for _, v := range x { if f(v, m) < 0 { m = v } }
	return m
}
func BinarySearch[E cmp.Ordered](x []E, target E) (int, bool) {
	i := sort.Search(len(x), func(i int) bool { return x[i] >= target })
	return i, i < len(x) && x[i] == target
}
`

const resultFunction = "opensandboxResult"

// use gives the interpreter the standard library. The sandbox is the fence, so nothing is kept from cells; what would
// end the process of the context ends the run instead.
func (e *engine) use() error {
	for _, symbols := range []interp.Exports{
		stdlib.Symbols, unrestricted.Symbols, yaegisyscall.Symbols, unsafe.Symbols, e.overrides(),
	} {
		if err := e.interp.Use(symbols); err != nil {
			return err
		}
	}
	return nil
}

func (e *engine) overrides() interp.Exports {
	exit := func(code int) {
		r := e.session.current.Load()
		if r == nil {
			os.Exit(code) // between runs nobody can be told
		}
		r.stop(&failure{name: "Exit", value: "exit status " + strconv.Itoa(code)})
		runtime.Goexit()
	}
	sleep := func(d time.Duration) {
		r := e.session.current.Load()
		if r == nil {
			time.Sleep(d)
			return
		}
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-r.stopped:
		}
	}
	fatal := func(output func(int, string) error, text string) {
		output(3, text)
		exit(1)
	}
	standard := log.Default()
	symbols := interp.Exports{
		"os/os": {
			"Exit":   reflect.ValueOf(exit),
			"Stderr": reflect.ValueOf(&os.Stderr).Elem(),
		},
		"syscall/syscall": {"Exit": reflect.ValueOf(exit)},
		"time/time":       {"Sleep": reflect.ValueOf(sleep)},
		"runtime/runtime": {
			"Version": reflect.ValueOf(func() string { return "go" + e.session.tools.version }),
			"GOROOT":  reflect.ValueOf(func() string { return e.session.tools.root() }),
		},
		"log/log": {
			"Fatal":     reflect.ValueOf(func(v ...any) { fatal(standard.Output, fmt.Sprint(v...)) }),
			"Fatalf":    reflect.ValueOf(func(f string, v ...any) { fatal(standard.Output, fmt.Sprintf(f, v...)) }),
			"Fatalln":   reflect.ValueOf(func(v ...any) { fatal(standard.Output, fmt.Sprintln(v...)) }),
			"Flags":     reflect.ValueOf(log.Flags),
			"Output":    reflect.ValueOf(log.Output),
			"Panic":     reflect.ValueOf(log.Panic),
			"Panicf":    reflect.ValueOf(log.Panicf),
			"Panicln":   reflect.ValueOf(log.Panicln),
			"Prefix":    reflect.ValueOf(log.Prefix),
			"Print":     reflect.ValueOf(log.Print),
			"Printf":    reflect.ValueOf(log.Printf),
			"Println":   reflect.ValueOf(log.Println),
			"SetFlags":  reflect.ValueOf(log.SetFlags),
			"SetOutput": reflect.ValueOf(log.SetOutput),
			"SetPrefix": reflect.ValueOf(log.SetPrefix),
			"Writer":    reflect.ValueOf(log.Writer),
		},
		"opensandbox/cell/cell": {
			resultFunction: reflect.ValueOf(func(values ...any) { e.values = values }),
			"clear":        reflect.ValueOf(clearValue),
		},
	}
	// Values of types that cells declare keep their methods on the way to these functions.
	shown := []reflect.Type{reflect.TypeFor[error](), reflect.TypeFor[fmt.Formatter](), reflect.TypeFor[fmt.Stringer]()}
	keep := map[reflect.Value][]reflect.Type{
		symbols["opensandbox/cell/cell"][resultFunction]: shown,
	}
	for _, name := range []string{"Fatal", "Fatalf", "Fatalln", "Panic", "Panicf", "Panicln", "Print", "Printf", "Println"} {
		keep[symbols["log/log"][name]] = shown[1:]
	}
	symbols["."] = map[string]reflect.Value{"MapTypes": reflect.ValueOf(keep)}
	for name, functions := range displayPackages(e.session) {
		symbols[name] = functions
	}
	return symbols
}

// clearValue is the builtin clear.
func clearValue(value any) {
	switch v := reflect.ValueOf(value); v.Kind() {
	case reflect.Map, reflect.Slice:
		v.Clear()
	default:
		panic(fmt.Errorf("clear of a %T", value))
	}
}

// importUsed imports standard packages that code uses by their usual name without saying so, as GoNB does.
func (e *engine) importUsed(units []*unit) error {
	known := map[string]bool{}
	for _, u := range units {
		for _, name := range u.names {
			known[name] = true
		}
		if u.kind == imports {
			for _, spec := range u.node.(*ast.File).Imports {
				target, _ := strconv.Unquote(spec.Path.Value)
				known[path.Base(target)] = true
				if path.Base(path.Dir(target)) != "." { // math/rand/v2
					known[path.Base(path.Dir(target))] = true
				}
				if spec.Name != nil {
					known[spec.Name.Name] = true
				}
			}
		}
	}
	for _, u := range units {
		if u.kind == imports {
			continue
		}
		ast.Inspect(u.node, func(n ast.Node) bool {
			selector, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			base, ok := selector.X.(*ast.Ident)
			if !ok || !u.refs[base.Name] || known[base.Name] || e.scope.has(base.Name) {
				return true
			}
			if target := standardPackage(base.Name, selector.Sel.Name); target != "" {
				e.interp.Eval("import " + strconv.Quote(target))
			}
			return true
		})
	}
	return nil
}

// standardPackage is the import path of the package of that name which has the symbol; of several the shortest path,
// math/rand and text/template before others. Empty when there is none.
func standardPackage(name, symbol string) string {
	var found []string
	for key, symbols := range stdlib.Symbols {
		if path.Base(key) == name && symbols[symbol].IsValid() {
			found = append(found, path.Dir(key))
		}
	}
	if name == "exec" {
		return "os/exec"
	}
	if name == "display" {
		return "display"
	}
	sort.Slice(found, func(i, j int) bool {
		a, b := found[i], found[j]
		if first := strings.HasPrefix(a, "math/") || strings.HasPrefix(a, "text/"); first != (strings.HasPrefix(b, "math/") || strings.HasPrefix(b, "text/")) {
			return first
		}
		return len(a) < len(b)
	})
	if len(found) == 0 {
		return ""
	}
	return found[0]
}
