package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"strings"
)

// kind says when a unit of a cell is compiled and run, in this order: imports; then statements and variables as
// written, declarations as soon as what they refer to is there; func main; deferred calls.
type kind int

const (
	imports kind = iota
	declaration
	variables
	statement
	expression
	entry
	deferred
)

// unit is one piece of a cell at the top level: a declaration, or a statement.
type unit struct {
	kind   kind
	node   ast.Node        // *ast.File of a declaration, *ast.BlockStmt of a statement
	names  []string        // that it declares for all cells; "T.m" for a method
	refs   map[string]bool // names it takes from outside of itself
	silent bool            // an expression whose value nobody wants to see
}

// maxUnits bounds what the compiler has to do at once, which cannot be interrupted.
const maxUnits = 20_000

// sourceName is the file name of a cell. The interpreter shares imports between files with the same last part.
func sourceName(cell string) string { return cell + "/" + sourceSuffix }

const sourceSuffix = "_.go"

// completeProgram says whether the code is a program with a package clause and a main function. Code that cannot be
// parsed counts as one if it looks like one. Fails for a package that cannot run.
func completeProgram(cell, code string) (bool, error) {
	file, _ := parser.ParseFile(token.NewFileSet(), "", code, parser.SkipObjectResolution)
	if file == nil || file.Name == nil || !file.Package.IsValid() || file.Name.Name == "" || file.Name.Name == "_" {
		return false, nil
	}
	if file.Name.Name != "main" {
		return false, fmt.Errorf("%s:1:1: package %s cannot be run: it must be package main", sourceName(cell), file.Name.Name)
	}
	for _, decl := range file.Decls {
		if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "main" {
			return true, nil
		}
	}
	return false, nil
}

// chunk is the text of one unit.
type chunk struct {
	text         string
	line, column int
	first        token.Token
	semicolon    bool // an explicit one follows
}

// chunksOf cuts a cell where Go's own rules end a declaration or statement outside of all brackets. Lines that only
// say %% or %main, a habit of GoNB, are left out, as is a package clause.
func chunksOf(code string) []chunk {
	var found []chunk
	var scan scanner.Scanner
	fset := token.NewFileSet()
	file := fset.AddFile("", -1, len(code))
	scan.Init(file, []byte(code), func(token.Position, string) {}, 0) // the parser reports errors
	depth, start, first, header := 0, -1, token.ILLEGAL, false
	end := func(at int, explicit bool) {
		if start >= 0 && first != token.PACKAGE {
			where := fset.Position(file.Pos(start))
			found = append(found, chunk{code[start:at], where.Line, where.Column, first, explicit})
		}
		start = -1
	}
	ignored := 0 // a line
	for {
		pos, tok, text := scan.Scan()
		at := file.Offset(pos)
		if tok == token.EOF || len(found) > maxUnits {
			end(len(code), false)
			return found
		}
		if start < 0 && tok == token.REM && isHabit(code[at:]) {
			ignored = file.Line(pos)
		}
		if ignored > 0 && file.Line(pos) == ignored {
			continue
		}
		ignored = 0
		switch tok {
		case token.LPAREN, token.LBRACE, token.LBRACK:
			depth++
		case token.RPAREN, token.RBRACE, token.RBRACK:
			depth--
		case token.FOR, token.IF, token.SWITCH:
			header = header || depth == 0
		case token.SEMICOLON:
			if depth > 0 || header && text == ";" && !isStatement(code[start:at]) {
				continue // inside of brackets, or between the parts of a loop
			}
			depth, header = 0, false
			end(at, text == ";")
			continue
		}
		if start < 0 {
			start, first = at, tok
		}
	}
}

func isStatement(text string) bool {
	_, err := parser.ParseFile(token.NewFileSet(), "", "package p;func _(){"+text+"\n}", parser.SkipObjectResolution)
	return err == nil
}

func isHabit(text string) bool {
	line, _, _ := strings.Cut(text, "\n")
	line = strings.TrimSpace(line)
	return line == "%%" || line == "%main"
}

// unitsOf parses a cell. Positions in errors and in compiled code are those in the cell.
func unitsOf(fset *token.FileSet, cell, code string) ([]*unit, error) {
	chunks := chunksOf(code)
	if len(chunks) > maxUnits {
		return nil, fmt.Errorf("%s:1:1: a cell of more than %d statements is too large", sourceName(cell), maxUnits)
	}
	var units []*unit
	for i, c := range chunks {
		u, err := c.parse(fset, sourceName(cell))
		if err != nil {
			return nil, err
		}
		u.silent = i < len(chunks)-1 || c.semicolon || prints(u)
		units = append(units, u)
	}
	return units, nil
}

func (c chunk) parse(fset *token.FileSet, name string) (*unit, error) {
	declares := func() (*unit, error) {
		text := fmt.Sprintf("package main;/*line :%d:%d*/%s", c.line, c.column, c.text)
		file, err := parser.ParseFile(fset, name, text, parser.DeclarationErrors)
		if err != nil {
			return nil, err
		}
		adapt(file)
		return declaring(file), nil
	}
	states := func() (*unit, error) {
		text := fmt.Sprintf("package main;func _(){/*line :%d:%d*/%s\n}", c.line, c.column, c.text)
		file, err := parser.ParseFile(fset, name, text, parser.DeclarationErrors)
		if err != nil {
			return nil, err
		}
		if len(file.Decls) != 1 {
			return nil, fmt.Errorf("%s:%d:%d: expected a statement, found '}'", name, c.line, c.column)
		}
		adapt(file)
		return stating(file), nil
	}
	switch c.first {
	case token.IMPORT, token.CONST, token.TYPE, token.VAR:
		return declares()
	case token.FUNC: // or a call of a function without a name
		u, err := declares()
		if err != nil {
			if stated, failed := states(); failed == nil {
				return stated, nil
			}
		}
		return u, err
	}
	return states()
}

func freeNames(file *ast.File) map[string]bool {
	names := map[string]bool{}
	for _, ident := range file.Unresolved {
		names[ident.Name] = true
	}
	return names
}

func declaring(file *ast.File) *unit {
	u := &unit{kind: declaration, node: file, refs: freeNames(file)}
	for _, decl := range file.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			switch {
			case d.Recv != nil:
				receiver := receiverName(d)
				u.names = append(u.names, receiver+"."+d.Name.Name)
				u.refs[receiver] = true
			case d.Name.Name == "main":
				u.kind = entry
			case d.Name.Name == "init":
				u.kind = statement // runs in its place
			default:
				u.names = append(u.names, d.Name.Name)
			}
		case *ast.GenDecl:
			switch d.Tok {
			case token.IMPORT:
				u.kind = imports
			case token.VAR:
				u.kind = variables
			}
			for _, spec := range d.Specs {
				switch s := spec.(type) {
				case *ast.TypeSpec:
					u.names = append(u.names, s.Name.Name)
				case *ast.ValueSpec:
					for _, name := range s.Names {
						u.names = append(u.names, name.Name)
					}
				}
			}
		}
	}
	return u
}

func receiverName(d *ast.FuncDecl) string {
	if len(d.Recv.List) == 0 {
		return ""
	}
	for t := d.Recv.List[0].Type; ; {
		switch e := t.(type) {
		case *ast.StarExpr:
			t = e.X
		case *ast.ParenExpr:
			t = e.X
		case *ast.IndexExpr:
			t = e.X
		case *ast.IndexListExpr:
			t = e.X
		case *ast.Ident:
			return e.Name
		default:
			return ""
		}
	}
}

func stating(file *ast.File) *unit {
	body := file.Decls[0].(*ast.FuncDecl).Body
	u := &unit{kind: statement, node: body, refs: freeNames(file)}
	if len(body.List) != 1 {
		return u
	}
	switch s := body.List[0].(type) {
	case *ast.AssignStmt:
		if s.Tok == token.DEFINE {
			u.kind = variables
			for _, left := range s.Lhs {
				if name, ok := left.(*ast.Ident); ok && name.Name != "_" {
					u.names = append(u.names, name.Name)
				}
			}
		}
	case *ast.ExprStmt:
		u.kind = expression
	case *ast.DeferStmt:
		u.kind = deferred
		body.List[0] = &ast.ExprStmt{X: s.Call}
	case *ast.ForStmt, *ast.RangeStmt, *ast.IfStmt, *ast.SwitchStmt, *ast.TypeSwitchStmt, *ast.SelectStmt,
		*ast.LabeledStmt, *ast.BlockStmt, *ast.GoStmt:
		// In a function of its own. A loop that was stopped while it waited for something must not go on when the
		// next run marks the frame of the context as running.
		position := s.Pos()
		body.List[0] = &ast.ExprStmt{X: &ast.CallExpr{
			Fun: &ast.FuncLit{
				Type: &ast.FuncType{Func: position, Params: &ast.FieldList{Opening: position, Closing: position}},
				Body: &ast.BlockStmt{Lbrace: position, List: []ast.Stmt{s}, Rbrace: s.End()},
			},
			Lparen: s.End(), Rparen: s.End(),
		}}
	}
	return u
}

// prints is true for the calls that are made for what they print, not for their result.
func prints(u *unit) bool {
	block, ok := u.node.(*ast.BlockStmt)
	if !ok || u.kind != expression {
		return false
	}
	call, ok := block.List[0].(*ast.ExprStmt).X.(*ast.CallExpr)
	if !ok {
		return false
	}
	selector, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	base, ok := selector.X.(*ast.Ident)
	return ok && base.Name == "fmt" &&
		(strings.HasPrefix(selector.Sel.Name, "Print") || strings.HasPrefix(selector.Sel.Name, "Fprint"))
}

// inOrder sorts the units of a cell by when they can be compiled. A declaration comes first, unless it needs, by
// itself or through others of the cell, a variable of the cell: then it comes right behind that.
func inOrder(units []*unit) []*unit {
	definedAt := map[string]int{} // variables
	declaredBy := map[string][]*unit{}
	for i, u := range units {
		for _, name := range u.names {
			switch u.kind {
			case variables:
				if _, known := definedAt[name]; !known {
					definedAt[name] = i
				}
			case declaration:
				declaredBy[name] = append(declaredBy[name], u)
				if receiver, _, method := strings.Cut(name, "."); method {
					declaredBy[receiver] = append(declaredBy[receiver], u)
				}
			}
		}
	}
	var last func(u *unit, seen map[*unit]bool) int
	last = func(u *unit, seen map[*unit]bool) int {
		at := -1
		if seen[u] {
			return at
		}
		seen[u] = true
		for name := range u.refs {
			if i, known := definedAt[name]; known {
				at = max(at, i)
			}
			for _, other := range declaredBy[name] {
				at = max(at, last(other, seen))
			}
		}
		return at
	}
	behind := map[int][]*unit{}
	for _, u := range units {
		if u.kind == declaration {
			at := last(u, map[*unit]bool{})
			behind[at] = append(behind[at], u)
		}
	}
	var sorted, entries, postponed []*unit
	for _, u := range units {
		if u.kind == imports {
			sorted = append(sorted, u)
		}
	}
	sorted = append(sorted, behind[-1]...)
	for i, u := range units {
		switch u.kind {
		case variables, statement, expression:
			sorted = append(sorted, u)
		case entry:
			entries = append(entries, u)
		case deferred:
			postponed = append([]*unit{u}, postponed...)
		}
		sorted = append(sorted, behind[i]...)
	}
	return append(append(sorted, entries...), postponed...)
}
