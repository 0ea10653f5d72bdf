package expr

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"tarn/store/column"
)

// nativeIP are functions of addresses. What is no address is NULL.
func nativeIP() map[string]function {
	const s, i = column.String, column.Int64
	return map[string]function{
		"ipv4_to_cidr": optional(s, cidrKernel(cidr4), 1, s, i),
		"ipv6_to_cidr": optional(s, cidrKernel(cidr6), 1, s, i),
		"ipv4_num_to_string": fixed(s, maybe(column.Of(s), func(_ *Context, args []operand) func(*column.Vector, int) bool {
			x := intSlot(args[0])
			return func(out *column.Vector, i int) bool {
				n := x.at(i)
				out.Strings[i] = netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}).String()
				return n >= 0 && n < 1<<32
			}
		}), i),
		"ipv4_string_to_num": fixed(column.Uint64, maybe(column.Of(column.Uint64), func(ctx *Context, args []operand) func(*column.Vector, int) bool {
			x := ctx.textSlot(args[0])
			return func(out *column.Vector, i int) bool {
				a, err := netip.ParseAddr(x.at(i))
				if err != nil || !a.Is4() {
					return false
				}
				b := a.As4()
				out.Uints[i] = uint64(b[0])<<24 | uint64(b[1])<<16 | uint64(b[2])<<8 | uint64(b[3])
				return true
			}
		}), s),
		"ipv6_num_to_string": fixed(s, maybe(column.Of(s), func(ctx *Context, args []operand) func(*column.Vector, int) bool {
			x := ctx.textSlot(args[0])
			return func(out *column.Vector, i int) bool {
				b, err := hex.DecodeString(x.at(i))
				if err != nil || len(b) != 16 {
					return false
				}
				out.Strings[i] = netip.AddrFrom16([16]byte(b)).String()
				return true
			}
		}), s),
		"ipv4_in_range": fixed(column.Bool, rangeKernel(netip.Addr.Is4), s, s),
		"ipv6_in_range": fixed(column.Bool, rangeKernel(func(a netip.Addr) bool { return a.Is6() && a.Zone() == "" }), s, s),
	}
}

// maybe is strictRows for functions without a result for some values: null.
func maybe(t column.Type, f func(ctx *Context, args []operand) func(out *column.Vector, i int) bool) kernel {
	return strictRows(t, func(ctx *Context, args []operand) func(*column.Vector, int) error {
		row := f(ctx, args)
		return func(out *column.Vector, i int) error {
			if !row(out, i) {
				out.Nulls.Set(i)
			}
			return nil
		}
	})
}

// rangeKernel says whether an address lies in a network.
func rangeKernel(family func(netip.Addr) bool) kernel {
	return maybe(column.Of(column.Bool), func(ctx *Context, args []operand) func(*column.Vector, int) bool {
		address, network := ctx.textSlot(args[0]), ctx.textSlot(args[1])
		return func(out *column.Vector, i int) bool {
			a, err := netip.ParseAddr(address.at(i))
			if err != nil || !family(a) {
				return false
			}
			p, err := netip.ParsePrefix(network.at(i))
			if err != nil || !family(p.Addr()) {
				return false
			}
			out.Bools[i] = p.Contains(a)
			return true
		}
	})
}

// cidrKernel is the network of an address, with a given length or the one that
// the address suggests, which is below 0 for none given.
func cidrKernel(f func(address string, bits int64) (netip.Prefix, bool)) kernel {
	return maybe(column.Of(column.String), func(ctx *Context, args []operand) func(*column.Vector, int) bool {
		address := ctx.textSlot(args[0])
		return func(out *column.Vector, i int) bool {
			bits := int64(-1)
			if len(args) == 2 {
				if bits = args[1].v.Ints[i*args[1].step]; bits < 0 {
					return false
				}
			}
			p, ok := f(address.at(i), bits)
			if ok {
				out.Strings[i] = p.String()
			}
			return ok
		}
	})
}

// cidr4 takes parts of an address, too: 192.168 is 192.168.0.0/16.
func cidr4(address string, bits int64) (netip.Prefix, bool) {
	parts := strings.Split(strings.TrimSuffix(address, "."), ".")
	if len(parts) > 4 {
		return netip.Prefix{}, false
	}
	var b [4]byte
	for i, p := range parts {
		n, err := strconv.ParseUint(p, 10, 8)
		if err != nil {
			return netip.Prefix{}, false
		}
		b[i] = byte(n)
	}
	if bits < 0 {
		bits = 8 * int64(len(parts))
		for i := len(parts) - 1; len(parts) == 4 && i >= 0 && b[i] == 0; i-- {
			bits -= 8
		}
	}
	return prefix(netip.AddrFrom4(b), bits)
}

// cidr6 suggests as many bits as the groups before the last zeros have.
func cidr6(address string, bits int64) (netip.Prefix, bool) {
	a, err := netip.ParseAddr(address)
	if err != nil || !a.Is6() || a.Zone() != "" {
		return netip.Prefix{}, false
	}
	if bits < 0 {
		b := a.As16()
		for bits = 128; bits > 0 && b[bits/8-1] == 0 && b[bits/8-2] == 0; bits -= 16 {
		}
	}
	return prefix(a, bits)
}

func prefix(a netip.Addr, bits int64) (netip.Prefix, bool) {
	if bits > int64(a.BitLen()) {
		return netip.Prefix{}, false
	}
	p, err := a.Prefix(int(bits))
	if err != nil {
		panic(fmt.Sprintf("BUG: %d bits of %s", bits, a))
	}
	return p, true
}
