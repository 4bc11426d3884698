package migrate

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// expr is an expression of the part of Lua that LUA records are mostly made of:
// strings, numbers, true and false, tables and calls. kind is 's', 'n', 'b', '{' or 'c'.
type expr struct {
	kind  byte
	text  string // of a string or number; the function's name of a call
	items []expr // of a table; the arguments of a call
	keys  map[string]expr
}

// arm is one way of an if: what must hold (nil for else), and what it returns.
type arm struct {
	test   *expr
	result *program
}

// program is what a LUA record evaluates: an expression, or an if.
type program struct {
	expr *expr
	arms []arm
}

const maxLuaDepth = 32

type luaReader struct {
	tokens []luaToken
	depth  int
}

// luaToken is a string ('s'), number ('n'), name ('a') or a sign, which is its own kind.
type luaToken struct {
	kind byte
	text string
}

// parseLua reads a record's text. A record that begins with a semicolon is
// statements; others are an expression.
func parseLua(text string) (*program, error) {
	tokens, err := luaTokens(text)
	if err != nil {
		return nil, err
	}
	r := &luaReader{tokens: tokens}
	var p *program
	if r.take(";") {
		p, err = r.statement()
	} else {
		var e expr
		e, err = r.expr()
		p = &program{expr: &e}
	}
	if err == nil && len(r.tokens) > 0 {
		err = fmt.Errorf("%q is more than can be translated", r.tokens[0].text)
	}
	return p, err
}

func luaTokens(text string) (list []luaToken, err error) {
	for i := 0; i < len(text); {
		c := text[i]
		rest := text[i:]
		switch {
		case strings.IndexByte(" \t\r\n", c) >= 0:
			i++
		case strings.HasPrefix(rest, "--"):
			n := strings.IndexByte(rest, '\n')
			if strings.HasPrefix(rest, "--[[") {
				if n = strings.Index(rest, "]]"); n >= 0 {
					n += 2
				}
			}
			if n < 0 {
				n = len(rest)
			}
			i += n
		case c == '\'' || c == '"':
			n := strings.IndexByte(rest[1:], c)
			if n < 0 || strings.ContainsAny(rest[1:n+1], "\\\n") {
				return nil, fmt.Errorf("the string %.20s is not closed, or has escapes", rest)
			}
			list = append(list, luaToken{'s', rest[1 : n+1]})
			i += n + 2
		case luaLetter(c) || c >= '0' && c <= '9':
			n := 1
			for n < len(rest) && (luaLetter(rest[n]) || rest[n] >= '0' && rest[n] <= '9' || rest[n] == '.' && c <= '9') {
				n++
			}
			kind := byte('a')
			if c <= '9' {
				kind = 'n'
			}
			list = append(list, luaToken{kind, rest[:n]})
			i += n
		case strings.IndexByte("(){}[]=,;", c) >= 0:
			list = append(list, luaToken{c, rest[:1]})
			i++
		default:
			return nil, fmt.Errorf("%.1q is more than can be translated", rest)
		}
	}
	return list, nil
}

func luaLetter(c byte) bool { return c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' }

// take goes over a sign or a word, if it is next.
func (r *luaReader) take(text string) bool {
	if len(r.tokens) > 0 && r.tokens[0].kind != 's' && r.tokens[0].text == text {
		r.tokens = r.tokens[1:]
		return true
	}
	return false
}

func (r *luaReader) want(text string) error {
	if r.take(text) {
		return nil
	}
	return fmt.Errorf("%q is missing before %s", text, r.next())
}

func (r *luaReader) next() string {
	if len(r.tokens) == 0 {
		return "the end"
	}
	return strconv.Quote(r.tokens[0].text)
}

// statement reads "return EXPR" or an if.
func (r *luaReader) statement() (*program, error) {
	if r.depth++; r.depth > maxLuaDepth {
		return nil, fmt.Errorf("nested more than %d deep", maxLuaDepth)
	}
	defer func() { r.depth-- }()
	if r.take("return") {
		e, err := r.expr()
		r.take(";")
		return &program{expr: &e}, err
	}
	if !r.take("if") {
		return nil, fmt.Errorf("of statements only if and return are translated, not %s", r.next())
	}
	p := &program{}
	for {
		bracket := r.take("(")
		test, err := r.expr()
		if err == nil && bracket {
			err = r.want(")")
		}
		if err == nil {
			err = r.want("then")
		}
		if err != nil {
			return nil, err
		}
		result, err := r.statement()
		if err != nil {
			return nil, err
		}
		p.arms = append(p.arms, arm{&test, result})
		switch {
		case r.take("elseif"):
			continue
		case r.take("else"):
			result, err := r.statement()
			if err != nil {
				return nil, err
			}
			p.arms = append(p.arms, arm{nil, result})
		}
		if err := r.want("end"); err != nil {
			return nil, err
		}
		r.take(";")
		if r.take("return") { // after an if without else it is the else
			if p.arms[len(p.arms)-1].test == nil {
				return nil, fmt.Errorf("a return after an else is never reached")
			}
			e, err := r.expr()
			p.arms = append(p.arms, arm{nil, &program{expr: &e}})
			return p, err
		}
		return p, nil
	}
}

func (r *luaReader) expr() (e expr, err error) {
	if r.depth++; r.depth > maxLuaDepth {
		return e, fmt.Errorf("nested more than %d deep", maxLuaDepth)
	}
	defer func() { r.depth-- }()
	if len(r.tokens) == 0 {
		return e, fmt.Errorf("it ends where a value should be")
	}
	t := r.tokens[0]
	r.tokens = r.tokens[1:]
	switch {
	case t.kind == 's' || t.kind == 'n':
		return expr{kind: t.kind, text: t.text}, nil
	case t.kind == '{':
		return r.table()
	case t.text == "true" || t.text == "false":
		return expr{kind: 'b', text: t.text}, nil
	case t.kind == 'a' && !slices.Contains([]string{"if", "then", "else", "elseif", "end", "return", "local", "function", "not", "and", "or", "for", "while"}, t.text):
		e = expr{kind: 'c', text: t.text}
		if len(r.tokens) > 0 && (r.tokens[0].kind == '{' || r.tokens[0].kind == 's') { // f{...} and f'...' are calls
			arg, err := r.expr()
			e.items = []expr{arg}
			return e, err
		}
		if err := r.want("("); err != nil {
			return e, fmt.Errorf("%q is more than can be translated", t.text)
		}
		for !r.take(")") {
			arg, err := r.expr()
			if err != nil {
				return e, err
			}
			e.items = append(e.items, arg)
			if !r.take(",") {
				return e, r.want(")")
			}
		}
		return e, nil
	}
	return e, fmt.Errorf("%q is more than can be translated", t.text)
}

// table reads what follows a brace.
func (r *luaReader) table() (e expr, err error) {
	e = expr{kind: '{', keys: map[string]expr{}}
	for !r.take("}") {
		if len(r.tokens) > 1 && r.tokens[0].kind == 'a' && r.tokens[1].kind == '=' {
			key := r.tokens[0].text
			r.tokens = r.tokens[2:]
			v, err := r.expr()
			if err != nil {
				return e, err
			}
			e.keys[key] = v
		} else {
			v, err := r.expr()
			if err != nil {
				return e, err
			}
			e.items = append(e.items, v)
		}
		if !r.take(",") && !r.take(";") {
			return e, r.want("}")
		}
	}
	return e, nil
}
