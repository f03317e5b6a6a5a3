package main

import (
	"fmt"
	"go/ast"
	"go/token"
)

// adapt rewrites what yaegi 0.16.1 compiles wrongly into something that means the same: `return <-c` panics when it
// runs, so that the value goes through a variable.
func adapt(file *ast.File) {
	ast.Inspect(file, func(n ast.Node) bool {
		switch b := n.(type) {
		case *ast.BlockStmt:
			adaptReturns(b.List)
		case *ast.CaseClause:
			adaptReturns(b.Body)
		case *ast.CommClause:
			adaptReturns(b.Body)
		}
		return true
	})
}

func adaptReturns(list []ast.Stmt) {
	for at, s := range list {
		ret, ok := s.(*ast.ReturnStmt)
		if !ok {
			continue
		}
		var before []ast.Stmt
		for i, value := range ret.Results {
			receive, ok := value.(*ast.UnaryExpr)
			if !ok || receive.Op != token.ARROW {
				continue
			}
			name := fmt.Sprintf("opensandboxReceived%d", i)
			before = append(before, &ast.AssignStmt{
				Lhs: []ast.Expr{&ast.Ident{Name: name, NamePos: value.Pos()}}, TokPos: value.Pos(), Tok: token.DEFINE,
				Rhs: []ast.Expr{value},
			})
			ret.Results[i] = &ast.Ident{Name: name, NamePos: value.Pos()}
		}
		if len(before) > 0 {
			list[at] = &ast.BlockStmt{Lbrace: ret.Pos(), List: append(before, ret), Rbrace: ret.End()}
		}
	}
}
