"""Expressions, one a line, and the body that they are evaluated against.

``javascript/values.json`` has their values in JavaScript, in UTC; this command writes it:
``python -m tests.unit.flow.in_javascript``.
"""

SHOP = {
    "id": 4711,
    "customer": {
        "first": "Ada",
        "last": "Lovelace",
        "mail": "Ada@Example.test",
        "age": 36,
        "vip": True,
        "note": None,
        "phones": [{"kind": "home", "number": "030 1234"}, {"kind": "work", "number": "030 5678"}],
        "address": {"street": "Main St 7", "city": "Berlin", "zip": "10115"},
    },
    "items": [
        {"sku": "A-1", "title": "Chair", "price": 19.99, "qty": 2, "tags": ["wood", "brown"]},
        {"sku": "B-2", "title": "Table", "price": 120.5, "qty": 1, "tags": ["wood"]},
        {"sku": "C-3", "title": "Lamp", "price": 35, "qty": 4, "tags": []},
    ],
    "single": [{"sku": "only"}],
    "empty": [],
    "nothing": {},
    "nulls": [None, 1, None],
    "matrix": [[1, 2], [3, 4]],
    "numbers": [3, 1, 2],
    "fractions": [0.1, 0.2, 0.3],
    "flags": [True, False],
    "zero": 0,
    "blank": "",
    "text": "The quick brown fox",
    "umlaut": "Grüße aus Köln",
    "emoji": "a😀b",
    "with space": "quoted",
    "lines": "one\ntwo\nthree",
    "created": "2020-02-28T23:30:15.123Z",
    "millis": 1582932615123,
    "tree": {"name": "root", "nodes": [{"name": "left", "nodes": []}, {"name": "right", "nodes": [{"name": "leaf"}]}]},
}

PATHS = r"""
id
customer.first
customer.address.city
customer.missing
customer.missing.deeper
missing
customer.note
customer.note.deeper
nulls
nulls[0]
nulls[1]
nulls[$ = null]
empty
empty[0]
nothing
zero
blank
customer
items.sku
items.title
items.tags
items[0]
items[0].sku
items[-1].sku
items[5]
items[0].tags[1]
items.tags[0]
(items.tags)[0]
items[sku = "B-2"].title
items[price > 30].title
items[price > 1000]
items[qty > 1 and price < 30]
items[qty > 1 or price > 100].sku
items[tags = "wood"].sku
items["wood" in tags].sku
items[[0, 2]].sku
items[[0..1]].sku
items[$length(title) = 5].title
customer.phones[kind = "work"].number
customer.phones.number
customer.phones[0].number
customer.phones[kind = "fax"].number
single
single.sku
single.sku[]
single[]
items.sku[]
customer.first[]
missing[]
[items.sku]
[single.sku]
[missing]
[customer.first]
`with space`
$."with space"
"with space"
matrix
matrix[0]
matrix[0][1]
matrix.$
matrix.$[0]
matrix[1].$
numbers[0]
numbers[-1]
numbers[$ > 1]
$
$.id
$$.id
$[0].id
items.$.sku
items.(sku & "!")
items.{"s": sku}
items.(price * qty)
items.[sku, qty]
*.city
customer.*
customer.address.*
items.*
**.city
**.name
tree.**.name
tree.nodes.**.name
items.tags.$uppercase($)
items.sku.$substring(0, 1)
items@$i.{"sku": $i.sku, "id": id}
items#$n.{"n": $n, "sku": sku}
items@$i#$n[$n > 0].$i.sku
items.tags.%.sku
items.tags.{"tag": $, "sku": %.sku}
customer.phones.number.%.%.first
items^(price).sku
items^(>price).sku
items^(<qty, >price).sku
items^(title).sku
items{sku: price}
items{title: $sum(price)}
items{"all": $sum(qty)}
items.{sku: qty}
items.tags{$: $count($)}
flags
flags[0]
tree.nodes[0].nodes
tree.nodes.nodes.name
customer.("a" & first)
customer.(first & " " & last)
(customer.first)
(customer.first; customer.last)
()
"""

OPERATORS = r"""
1 + 2
1.1 + 2.2
0.1 + 0.2
0.1 + 0.2 = 0.3
7 - 10
3 * 4
10 / 4
10 / 5
5 % 3
5.5 % 2
-5 % 3
5 % -3
-7.25 % 2
2 * 3 + 4
2 * (3 + 4)
-id
-(-3)
- customer.missing
1 / 3
2 / 0
-2 / 0
1e3
1.5e-3
1e21 + 1
1e-7 * 1
100 * 1.1
200 * 1.1
350 * 85.4
0.7 * 3
19.99 * 3
9007199254740991
123456789.123456789
id + missing
missing * 2
1 + "2"
"1" + 2
1 + null
1 + true
[1] + 1
1 = 1
1 = 1.0
1 = "1"
"a" = "a"
null = null
null = missing
missing = missing
missing != 1
1 != 2
"a" != "b"
[1, 2] = [1, 2]
[1, 2] != [2, 1]
{"a": 1} = {"a": 1}
{"a": 1, "b": 2} = {"b": 2, "a": 1}
true = 1
false = 0
1 < 2
2 <= 2
"a" < "b"
"a" >= "b"
"B" < "a"
1 < "2"
null < 1
true > false
missing < 1
1 > missing
true and true
true and false
false or true
missing or true
missing and true
"a" and 1
"" or 0
[] or {}
[0] or [1]
[0, 0] or false
1 in [1, 2]
3 in [1, 2]
"a" in ["a", "b"]
"a" in "a"
true in [1]
1 in [true]
null in [null]
missing in [1]
1 in missing
{"a": 1} in [{"a": 1}]
customer in [customer]
"a" & "b"
"a" & 1
"a" & 1.5
"a" & true
"a" & null
"a" & missing
missing & missing
"" & [1, 2]
"" & {"a": 1}
"" & 100 * 1.1
"" & 200 * 1.1
"" & 0.1 + 0.2
"" & 1e21
"" & 1e-7
"" & 123456789012345678
"" & 1.0
"" & (1 / 3)
"" & -0.5
1 ? "yes" : "no"
0 ? "yes" : "no"
missing ? "yes" : "no"
zero ? 1
blank ? 1 : 2
[] ? 1 : 2
[0] ? 1 : 2
{} ? 1 : 2
"0" ? 1 : 2
customer.vip ? "vip" : "normal"
customer.age > 18 ? "adult" : "child"
true ? false ? 1 : 2 : 3
[1..5]
[1..0]
[3..3]
[1..3, 7, 9..10]
[-2..2]
[1..2.5]
["a".."b"]
[0..customer.missing]
($x := 5; $x * 2)
($x := 5; $y := $x + 1; $x * $y)
($x := 1; ($x := 2; $x); $x)
$undefined
function($x){$x + 1}(2)
($f := function($x, $y){$x + $y}; $f(1, 2))
($f := function($x){$x}; $f())
($f := λ($x){$x * 2}; $f(4))
($fact := function($n){$n <= 1 ? 1 : $n * $fact($n - 1)}; $fact(10))
($loop := function($n, $a){$n = 0 ? $a : $loop($n - 1, $a + $n)}; $loop(100, 0))
($add := function($a, $b){$a + $b}; $inc := $add(?, 1); $inc(41))
($f := $substring(?, 0, 2); $f("hello"))
($f := function($s)<s:s>{$uppercase($s)}; $f("x"))
($f := function($n)<n:n>{$n}; $f("x"))
"hello" ~> $uppercase
"hello" ~> $substring(1, 2)
"hello" ~> $uppercase() ~> $length()
($up := $uppercase ~> $trim; $up("  a b  "))
items.price ~> $sum()
5 ~> 6
items ~> |$|{"total": price * qty}|
items ~> |$|{"currency": "EUR"}, ["tags", "qty"]|
customer ~> |address|{"country": "DE"}|
$ ~> |customer|{}, "phones"| ~> $lookup("customer")
items ~> |$[price > 100]|{"dear": true}|
customer ~> |$|{"first": null}|
customer ~> |address|5|
/* a comment */ id
id /* at the end */
"it's"
'say "hi"'
"tab\there"
"\u00e9"
"\ud83d\ude00"
"back\\slash"
true
false
null
[null]
[1, missing, 2]
{"a": missing}
{"a": null}
{"a": {"b": [1, {"c": 2}]}}
{}
[]
[[]]
[[1], [2]]
{"a": [], "b": {}}
{missing: 1}
{"a" & "b": 1}
{1: 2}
{"a": 1, "a": 2}
$notafunction(1)
uppercase("x")
1(2)
"""

TEXTS = r"""
$string(1)
$string(1.0)
$string(110.00000000000001)
$string(0.1 + 0.2)
$string("x")
$string(true)
$string(null)
$string(missing)
$string([1, 2.50, "x", null, true])
$string({"a": 0.1 + 0.2, "b": [{}, []]})
$string({"a": [1, {"b": 2}], "c": {}, "d": []}, true)
$string([], true)
$string(umlaut)
$string({"a": umlaut, "b": "x\"y\\z\n\u0001"})
$string($sum)
$string({"f": $sum})
$string(12345678901234567890)
$string(1e300)
$string(1e-300)
$string(123456.789e3)
$length("hello")
$length("")
$length(emoji)
$length(missing)
$length(5)
$length(null)
$substring("hello", 1)
$substring("hello", 1, 3)
$substring("hello", -3)
$substring("hello", -3, 2)
$substring("hello", -9)
$substring("hello", 9)
$substring("hello", 1, -1)
$substring("hello", 1.7, 2.2)
$substring(emoji, 1, 1)
$substring(missing, 1)
$substringBefore("a-b-c", "-")
$substringBefore("abc", "-")
$substringAfter("a-b-c", "-")
$substringAfter("abc", "-")
$substringBefore("abc", "")
$substringAfter("abc", "")
$uppercase(umlaut)
$uppercase("straße")
$lowercase(umlaut)
$lowercase("STRASSE ß İ")
$lowercase(customer.mail)
$lowercase(missing)
$lowercase(1)
$uppercase(null)
$trim("  a \n\t b  ")
$trim("")
$trim("   ")
$pad("x", 5)
$pad("x", -5)
$pad("x", 5, "#")
$pad("x", -5, "ab")
$pad("long", 2)
$pad(emoji, 6, "😀")
$pad("x", 3, "")
$contains("abracadabra", "bra")
$contains("abc", "x")
$contains("abc", /B/i)
$contains("abc", /x*/)
$contains(umlaut, /ß/)
$contains(missing, "a")
$contains("a1", /\d/)
$contains("٣", /\d/)
$contains("é", /\w/)
$contains("É", /é/i)
$contains("a\n", /a$/)
$contains("b\na", /^a/m)
$contains("b\na", /^a/)
$contains("x.y", /[.]/)
$contains("a]b", /a\]b/)
$contains("a-b", /[\w-]/)
$contains("a/b", /a\/b/)
$split("so many words", " ")
$split("a, b, c", ", ")
$split("abc", "")
$split("abc", "", 2)
$split("a,b,c", ",", 2)
$split("a,b,c", ",", 0)
$split("a,b,c", ",", -1)
$split("a1b22c", /\d+/)
$split("a1b22c", /(\d)+/)
$split("a1b22c", /\d+/, 2)
$split("", ",")
$split(missing, ",")
$split("abc", /x*/)
$split(lines, /\n/)
$join(["a", "b", "c"])
$join(["a", "b", "c"], ", ")
$join("a", ",")
$join([], ",")
$join(items.sku, "/")
$join(missing, ",")
$join([1, 2])
$match("ababbabbcc", /a(b+)/)
$match("ababbabbcc", /a(b+)/, 1)
$match("ababbabbcc", /a(b+)/).match
$match("ababbabbcc", /x/)
$match("abc", /(x)?b/)
$match("abc", /b/)[0].index
$match("2020-05-17", /(\d{4})-(\d\d)-(\d\d)/).groups
$match("key=value", /(?<k>\w+)=(?<v>\w+)/).groups
$match("abc", /./, -1)
$match("Köln", /ö/)
$match("a b", /\s/).index
$match("aXb", /[^a-z]/).match
$replace("John Smith and John Jones", "John", "Mr")
$replace("John Smith and John Jones", "John", "Mr", 1)
$replace("abracadabra", "bra", "*")
$replace("abracadabra", /a.*?a/, "*")
$replace("abracadabra", /(b)(r)/, "$2$1")
$replace("265USD", /([0-9]+)USD/, "$$$1")
$replace("abc", /b/, "[$0]")
$replace("abc", "b", "[$0]")
$replace("abc", /(b)/, "[$1$2]")
$replace("abc", /b/, "[$1]")
$replace("abc", /b/, "$x")
$replace("abc", /(a)(b)(c)/, "$3$2$12")
$replace("temperature = 68F", /(-?\d+)F\b/, function($m){$number($m.groups[0]) + 1 & "C"})
$replace("abc", /b/, function($m){5})
$replace("abc", "", "x")
$replace("a.b.c", ".", "-")
$replace("aaa", /a/, "b", 2)
$replace("aaa", "a", "b", 0)
$replace("aaa", "a", "b", -1)
$replace(missing, "a", "b")
$replace("path/to", /\//, ".")
$replace("x", /x/, "\\")
$eval("1 + 2")
$eval("id")
$eval("$x")
$eval("[1,")
$eval("$number(\"x\")")
$eval(missing)
($x := 5; $eval("$x + 1"))
$eval("a", {"a": 7})
$base64encode("hello")
$base64encode("")
$base64encode("hé")
$base64decode("aGVsbG8=")
$base64decode("aGVsbG8")
$base64decode("aOk=")
$base64decode("")
$base64decode("a GVs-_bG8")
$encodeUrlComponent("a b&c=ü/?")
$encodeUrlComponent("-_.!~*'()")
$encodeUrl("https://x.test/a b?c=ü&d=[1]#e")
$decodeUrlComponent("a%20b%26%C3%BC")
$decodeUrlComponent("%E0%A4%A")
$decodeUrlComponent("%ff")
$decodeUrl("https://x.test/a%20b%3Fc%2F")
$decodeUrl("%zz")
$formatBase(100, 2)
$formatBase(2555, 16)
$formatBase(-255, 16)
$formatBase(100)
$formatBase(10.6, 2)
$formatBase(10, 1)
$formatBase(10, 37)
$type(1)
$type("x")
$type(true)
$type(null)
$type([1])
$type({})
$type($sum)
$type(function($x){$x})
$type(missing)
"""

NUMBERS = r"""
$number("12")
$number("-12.5e2")
$number("0.5")
$number("x")
$number("")
$number(" 12 ")
$number("0x1F")
$number("1.")
$number(".5")
$number("01")
$number(true)
$number(false)
$number(5)
$number(null)
$number([])
$number(missing)
$abs(-5)
$abs(5.5)
$floor(5.8)
$floor(-5.2)
$ceil(5.2)
$ceil(-5.8)
$round(123.456)
$round(123.456, 2)
$round(123.456, -1)
$round(11.5)
$round(12.5)
$round(-11.5)
$round(125, -1)
$round(1.005, 2)
$round(2.675, 2)
$round(missing)
$sqrt(16)
$sqrt(2)
$sqrt(-1)
$power(2, 8)
$power(2, 0.5)
$power(2, -2)
$power(10, 400)
$power(-8, 0.5)
$sum([1, 2, 3])
$sum(5)
$sum([])
$sum(fractions)
$sum(items.(price * qty))
$sum(["a"])
$sum([1, null])
$sum(missing)
$max([5, 1, 3])
$min([5, 1, 3])
$max(7)
$max([])
$average([4, 3, 5, 4])
$average(fractions)
$average([])
$max(["a"])
$count([1, 2, 3])
$count(items)
$count("x")
$count([])
$count(missing)
$count({"a": 1})
$formatNumber(12345.6, "#,###.00")
$formatNumber(1234.5678, "00.000e0")
$formatNumber(34.555, "#0.00;(#0.00)")
$formatNumber(-34.555, "#0.00;(#0.00)")
$formatNumber(0.14, "01%")
$formatNumber(0.14, "###pm", {"per-mille": "pm"})
$formatNumber(1234.5, "#.##0,00", {"decimal-separator": ",", "grouping-separator": "."})
$formatNumber(5, "000")
$formatNumber(0.5, "0.##")
$formatNumber(1000000, "#,##0")
$formatNumber(-1.5, "0.0")
$formatNumber(1, "0;0;0")
$formatInteger(2789, "w")
$formatInteger(1999, "I")
$formatInteger(12, "000")
$formatInteger(12, "Ww")
$formatInteger(1234567, "#,##0")
$formatInteger(3, "1;o")
$formatInteger(28, "a")
$parseInteger("twelve thousand, four hundred and seventy-six", "w")
$parseInteger("12,345,678", "#,##0")
$parseInteger("MCMXCIX", "I")
$parseInteger("x", "#0")
$formatNumber(0.000001234, "0.0e0")
"""

LISTS = r"""
$append([1, 2], [3])
$append([1, 2], 3)
$append(1, 2)
$append([], 1)
$append(missing, 1)
$append(1, missing)
$append({"a": 1}, [2])
$sort(numbers)
$sort(["b", "a", "C"])
$sort(items, function($l, $r){$l.price > $r.price}).sku
$sort(items, function($l, $r){$l.title > $r.title}).sku
$sort([1, "a"])
$sort([{"a": 1}, {"a": 0}])
$sort("x")
$sort(missing)
$reverse(numbers)
$reverse([1])
$reverse(missing)
$count($shuffle([1, 2, 3]))
$distinct([1, 2, 1, "1", "a", "a"])
$distinct([1, true, 0, false])
$distinct([{"a": 1}, {"a": 1}])
$distinct([null, null])
$distinct([[1], [1]])
$distinct(items.tags)
$distinct("a")
$zip([1, 2, 3], [4, 5, 6])
$zip([1, 2], [4])
$zip([1, 2], ["a", "b"], [true, false])
$map(numbers, function($v){$v * 2})
$map(numbers, function($v, $i){$v * $i})
$map(numbers, function($v, $i, $a){$v + $count($a)})
$map(items.title, $uppercase)
$map(nulls, function($v){$v})
$map([1], function($v){$v})
$map([], function($v){$v})
$map(missing, function($v){$v})
$map([1, 2], function($v){missing})
$map(["1", "2"], $number)
$map(numbers, $string)
$filter(numbers, function($v){$v > 1})
$filter(items, function($v, $i){$i = 0})
$filter(numbers, function($v){$v > 9})
$filter(nulls, function($v){$v = null})
$single(items, function($v){$v.sku = "B-2"}).title
$single(numbers, function($v){$v > 1})
$single(numbers, function($v){$v > 9})
$reduce(numbers, function($a, $b){$a + $b})
$reduce(numbers, function($a, $b){$a + $b}, 10)
$reduce([], function($a, $b){$a + $b})
$reduce([7], function($a, $b){$a + $b})
$reduce(numbers, function($a){$a})
$reduce(items, function($t, $i){$t + $i.price * $i.qty}, 0)
$reduce(numbers, function($a, $b, $i){$a + $b * $i}, 0)
$keys(customer)
$keys(items)
$keys({})
$keys("x")
$keys(missing)
$lookup(customer, "first")
$lookup(customer, "note")
$lookup(items, "sku")
$lookup(customer, "missing")
$spread(customer.address)
$spread([{"a": 1}, {"b": 2}])
$spread("x")
$merge([{"a": 1}, {"b": 2}, {"a": 3}])
$merge(items.{sku: qty})
$merge([])
$merge({"a": 1})
$merge(1)
$sift(customer, function($v, $k){$k = "first" or $k = "last"})
$sift(customer, function($v){$v = null})
$sift({"a": 1}, function($v){$v > 1})
$each(customer.address, function($v, $k){$k & "=" & $v})
$each({"a": null}, function($v){$v})
$each({}, function($v){$v})
$exists(customer)
$exists(customer.note)
$exists(missing)
$exists([])
$exists("")
$boolean(0)
$boolean("")
$boolean("0")
$boolean([])
$boolean([0])
$boolean([0, 1])
$boolean([[]])
$boolean({})
$boolean({"a": 1})
$boolean(null)
$boolean(missing)
$boolean($sum)
$not(true)
$not(0)
$not(missing)
$not(null)
$assert(true, "fine")
$assert(false, "wrong")
$assert(false)
$error("stop")
$error()
$clone(customer.address)
$clone(nulls)
$count(matrix)
$sum(matrix.$)
$join(items.tags, "+")
items[$contains(title, /a/)].sku
$count(items[qty > 1])
items[$count(tags) = 0].sku
$map(items, function($i){{"id": $i.sku, "sum": $i.price * $i.qty}})
{"lines": items.{"sku": sku, "amount": $round(price * qty, 2)}, "total": $sum(items.(price * qty))}
items.{"sku": sku, "first": tags[0], "more": $count(tags) > 1}
items[0] ~> $merge([{"a": 1}])
$sift(items[0], function($v, $k){$type($v) = "string"})
items.($t := title; tags.($t & "/" & $))
(items[price = $max($$.items.price)]).title
$filter(items, function($i){"wood" in $i.tags}).sku
customer.phones[kind = "home"] ? "reachable" : "not"
$lookup({"x": 1, "y": 2}, "y")
$merge([customer.address, {"country": "DE"}])
$split(customer.mail, "@")[1]
"Hello " & customer.first & ", you bought " & $count(items) & " things"
items ~> $map(function($i){$i.sku}) ~> $join(",")
$sum(items.price) > 100 ? "free shipping" : "shipping"
customer.{"name": first & " " & last, "mail": $lowercase(mail), "phone": phones[0].number}
{"name": {"first": customer.first}, "tags": items.tags, "none": missing, "null": customer.note}
"""

DATES = r"""
$toMillis("2020-02-28T23:30:15.123Z")
$toMillis("2020-02-28T23:30:15Z")
$toMillis("2020-02-28T23:30:15+02:00")
$toMillis("2020-02-28T23:30:15+0200")
$toMillis("2020-02-28")
$toMillis("2020-02")
$toMillis("2020")
$toMillis("foo")
$toMillis("2020-13-01")
$toMillis("")
$toMillis(missing)
$toMillis("28.02.2020", "[D01].[M01].[Y0001]")
$toMillis("28 February 2020", "[D] [MNn] [Y]")
$toMillis("2020-02-28 11:30 PM", "[Y]-[M01]-[D01] [h]:[m01] [P]")
$fromMillis(millis)
$fromMillis(0)
$fromMillis(-1)
$fromMillis(millis, "[Y0001]-[M01]-[D01]")
$fromMillis(millis, "[M01]/[D01]/[Y0001] [h#1]:[m01][P]")
$fromMillis(millis, "[H01]:[m01]:[s01] [z]", "-0500")
$fromMillis(millis, "[FNn], [D1o] [MNn] [Y]")
$fromMillis(millis, "[Y]-[W01]-[F1]")
$fromMillis(millis, "[d] [x]")
$fromMillis(millis, "[Y", "+0100")
$fromMillis(missing)
$exists($now())
$millis() > 1582932615123
$length($now())
$now("[Y0001]") >= "2024"
$fromMillis($toMillis(created)) = created
$millis() = $millis()
"""

MOMENTS = r"""
$moment(created).format()
$moment(created)
$string($moment(created))
"at " & $moment(created)
{"at": $moment(created), "utc": $moment(created).utc()}
[$moment(created), $moment("2021-01-01")]
$type($moment(created))
$exists($moment(created))
$moment(created) ? "yes" : "no"
$moment(created) < $moment(created)
$moment(created) - 1
$moment(created).missing
$moment(created).tz("Europe/Berlin")
$moment.now()
$moment(created).add(1, "day").format("L")
$moment(created).add(1, "day").subtract(1, "hour").format("LLL")
($m := $moment(created); $m.add(1, "day"); $m.format())
($m := $moment(created); $n := $m.clone(); $m.add(1, "day"); $n.format())
$moment(created).format("YYYY-MM-DD HH:mm:ss.SSS")
$moment(created).format("L LL LLL LLLL LT LTS")
$moment(created).format("l ll lll llll")
$moment(created).format("D DD Do DDD DDDD DDDo")
$moment(created).format("d do dd ddd dddd e E")
$moment(created).format("M MM Mo MMM MMMM Q Qo")
$moment(created).format("YY YYYY YYYYY YYYYYY Y")
$moment(created).format("gg gggg ggggg GG GGGG GGGGG")
$moment(created).format("w ww wo W WW Wo")
$moment(created).format("H HH h hh k kk a A")
$moment("2020-02-28T00:05:00Z").utc().format("H HH h hh k kk a A")
$moment(created).format("m mm s ss")
$moment(created).format("S SS SSS SSSS SSSSS SSSSSSSSS")
$moment(created).format("X x")
$moment(created).format("Z ZZ z zz")
$moment(created).utc().format("Z ZZ z zz")
$moment(created).utc().format("Hmm Hmmss hmm hmmss")
$moment(created).format("[Today is] dddd [[x]] \\Y")
$moment(created).format("")
$moment(created).format("DD.MM.YYYY")
$moment(created).format("YYYY-[W]WW-E")
$moment(created).format("N NN B")
$moment("2020-01-01").format("w W gggg GGGG")
$moment("2021-01-01").format("w W gggg GGGG")
$moment("2016-01-03").format("w W gggg GGGG")
$moment("2020-12-31").format("w W gggg GGGG DDDD")
$moment("0099-05-06").format("YY YYYY")
$moment("2020-05-17")
$moment("2020-05-17").format()
$moment("2020-05")
$moment("2020")
$moment("2020-138")
$moment("2020-W20")
$moment("2020-W20-3")
$moment("20200517")
$moment("2020138")
$moment("2020W203")
$moment("20200517T1112")
$moment("20200517T111213.5Z")
$moment("2020-05-17 11:12")
$moment("2020-05-17T11")
$moment("2020-05-17T11:12:13")
$moment("2020-05-17T11:12:13,25")
$moment("2020-05-17T11:12:13.123456789Z")
$moment("2020-05-17T24:00:00Z")
$moment("2020-05-17T24:01:00Z")
$moment("2020-05-17T11:12:13+02:00")
$moment("2020-05-17T11:12:13-0330")
$moment("2020-05-17T11:12:13+05")
$moment("2020-05-17T11:12:13 Z")
$moment("  2020-05-17  ")
$moment("2020-13-01")
$moment("2020-02-30")
$moment("2019-02-29")
$moment("2020-05-17T25:00:00")
$moment("2020-05-17x")
$moment("foo")
$moment("foo").format()
$moment("foo").format("L")
$moment("foo").isValid()
$moment("foo").year()
$moment("foo").add(1, "day").format()
$moment("foo").diff(created)
$moment("foo").toISOString()
$moment("foo").unix()
$moment("foo").fromNow()
$moment("")
$moment(null)
$moment(null).isValid()
$moment(true).isValid()
$moment(missing).isValid()
$moment("Sun, 17 May 2020 11:12:13 +0200")
$moment("17 May 2020 11:12 GMT")
$moment("Mon, 17 May 2020 11:12:13 +0200").isValid()
$moment("Sun, 17 May 20 11:12:13 PST")
$moment("/Date(1198908717056-0700)/")
$moment(0)
$moment(millis)
$moment(1582932615123.9)
$moment(-1)
$moment([2020, 4, 17, 11, 12])
$moment([2020])
$moment([2020, 12])
$moment({"year": 2020, "month": 4, "day": 17, "hour": 11})
$moment({"y": 2020, "M": 1, "date": 29})
$moment({"years": 2020})
$moment("17.05.2020", "DD.MM.YYYY")
$moment("17.05.2020 11:12", "DD.MM.YYYY HH:mm")
$moment("17.05.2020 11:12:13.5", "DD.MM.YYYY HH:mm:ss.S")
$moment("05/17/20", "MM/DD/YY")
$moment("05/17/69", "MM/DD/YY")
$moment("05/17/2020", "L")
$moment("May 17, 2020 11:12 PM", "LLL")
$moment("17 May 2020", "D MMMM YYYY")
$moment("17 may 2020", "D MMM YYYY")
$moment("17 Mai 2020", "D MMM YYYY")
$moment("17th of May 2020", "Do [of] MMMM YYYY")
$moment("Sunday, 17 May 2020", "dddd, D MMMM YYYY")
$moment("Monday, 17 May 2020", "dddd, D MMMM YYYY")
$moment("2020 138", "YYYY DDD")
$moment("2020-W20-3", "GGGG-[W]WW-E")
$moment("2020 20", "gggg ww")
$moment("2020 20 3", "gggg ww e")
$moment("1589713933", "X")
$moment("1589713933123", "x")
$moment(1589713933, "X")
$moment("1589713933.123", "X")
$moment("2020-05-17 11:12 +02:00", "YYYY-MM-DD HH:mm Z")
$moment("2020-05-17 11:12 PM", "YYYY-MM-DD hh:mm A")
$moment("2020-05-17 12:12 am", "YYYY-MM-DD hh:mm a")
$moment("2020-05-17 13:12 am", "YYYY-MM-DD hh:mm a").isValid()
$moment("2020-05-17 12:12 p.m.", "YYYY-MM-DD hh:mm a")
$moment("2020-05-17 pm", "YYYY-MM-DD a")
$moment("Invalid date", "MM/DD/YYYY h:mm A").isValid()
$moment("Invalid date")
$moment("2020 Q2", "YYYY [Q]Q")
$moment("2020-05-17", "DD.MM.YYYY")
$moment("17.05.2020", "YYYY-MM-DD").isValid()
$moment("2020-05-17T00:00", "YYYY-MM-DD")
$moment("31.02.2020", "DD.MM.YYYY").isValid()
$moment("17-05-2020", "DD.MM.YYYY")
$moment("17.05.2020", "DD.MM.YYYY", true)
$moment("17.5.2020", "DD.MM.YYYY", true).isValid()
$moment("17.05.2020 x", "DD.MM.YYYY", true).isValid()
$moment("17.05.2020", "DD.MM.YYYY", "en", true)
$moment("17-05-2020", "DD.MM.YYYY", true).isValid()
$moment("17.05.2020", ["YYYY-MM-DD", "DD.MM.YYYY"])
$moment("2020-05-17", ["DD.MM.YYYY", "YYYY-MM-DD"])
$moment("foo", "DD.MM.YYYY").format()
$moment("", "DD.MM.YYYY").isValid()
$moment("20200517", "YYYYMMDD")
$moment("20200517111213", "YYYYMMDDHHmmss")
$moment("2020-05-17 1112", "YYYY-MM-DD Hmm")
$moment("24:00 17.05.2020", "HH:mm DD.MM.YYYY")
$moment("1", "d").isValid()
$moment("2020", "YYYY")
$moment("05.2020", "MM.YYYY")
$moment($moment(created)).format()
$moment($moment(created).utc()).format()
$moment($moment(created).toDate()).format()
$moment(created).toDate()
$moment(created).toDate().getTime()
$moment(created).toISOString()
$moment(created).toJSON()
$moment(created).toArray()
$moment(created).toObject()
$moment(created).toString()
$moment(created).unix()
$moment(created).valueOf()
$moment(created).year()
$moment(created).month()
$moment(created).date()
$moment(created).day()
$moment(created).hour()
$moment(created).hours()
$moment(created).minute()
$moment(created).second()
$moment(created).millisecond()
$moment(created).weekday()
$moment(created).isoWeekday()
$moment(created).week()
$moment(created).isoWeek()
$moment(created).weekYear()
$moment(created).isoWeekYear()
$moment(created).quarter()
$moment(created).dayOfYear()
$moment(created).daysInMonth()
$moment(created).weeksInYear()
$moment("2020-06-01").isoWeeksInYear()
$moment(created).isLeapYear()
$moment(created).isDST()
$moment("2020-07-01").isDST()
$moment(created).utcOffset()
$moment(created).utc().utcOffset()
$moment(created).utcOffset(120).format()
$moment(created).utcOffset(2).format()
$moment(created).utcOffset("+05:30").format()
$moment(created).utcOffset(-8, true).format()
$moment(created).utc().format()
$moment(created).utc().local().format()
$moment(created).utc(true).format()
$moment(created).local().format()
$moment(created).isUtc()
$moment(created).utc().isUtc()
$moment(created).isLocal()
$moment(created).get("year")
$moment(created).get("M")
$moment(created).get("date")
$moment(created).set("year", 2021).format()
$moment(created).set("month", 0).format()
$moment(created).set({"year": 2021, "month": 2, "date": 31}).format()
$moment(created).year(2019).format()
$moment("2020-02-29").year(2019).format()
$moment("2020-01-31").month(1).format()
$moment("2020-01-31").month("March").format()
$moment("2020-01-31").month(13).format()
$moment(created).date(31).format()
$moment(created).date(0).format()
$moment(created).day(0).format()
$moment(created).day("Wednesday").format()
$moment(created).day(10).format()
$moment(created).isoWeekday(7).format()
$moment(created).weekday(3).format()
$moment(created).hour(5).format()
$moment(created).hour(25).format()
$moment(created).minutes(61).format()
$moment(created).seconds(5).milliseconds(7).toISOString()
$moment(created).week(1).format()
$moment(created).isoWeek(53).format()
$moment(created).quarter(4).format()
$moment(created).dayOfYear(366).format()
$moment(created).weekYear(2019).format()
$moment(created).add(1, "y").format()
$moment("2020-02-29").add(1, "year").format()
$moment("2020-01-31").add(1, "month").format()
$moment("2020-01-31").add(1, "M").add(1, "M").format()
$moment("2020-03-31").subtract(1, "month").format()
$moment(created).add(2, "quarters").format()
$moment(created).add(1, "w").format()
$moment(created).add(1, "isoWeek").format()
$moment("0025-04-01").format()
$moment(created).add(90, "minutes").format()
$moment(created).add(36, "h").format()
$moment(created).add(10, "s").format()
$moment(created).add(500, "ms").toISOString()
$moment(created).add(500).toISOString()
$moment(created).add("1", "day").format()
$moment(created).add(1.5, "days").format()
$moment(created).add(1.5, "hours").format()
$moment(created).add({"days": 1, "months": 1, "hours": 2}).format()
$moment(created).add(1, "fortnight").format()
$moment(created).add(-1, "day").format()
$moment("2020-03-28T12:00:00").add(1, "day").format()
$moment("2020-03-28T12:00:00").add(24, "hours").format()
$moment("2020-10-24T12:00:00").add(1, "day").format()
$moment("2020-03-29T02:30:00").format()
$moment("2020-10-25T02:30:00").format()
$moment(created).startOf("year").format()
$moment(created).startOf("quarter").format()
$moment(created).startOf("month").format()
$moment(created).startOf("week").format()
$moment(created).startOf("isoWeek").format()
$moment(created).startOf("day").format()
$moment(created).startOf("date").format()
$moment(created).startOf("hour").format()
$moment(created).startOf("minute").toISOString()
$moment(created).startOf("second").toISOString()
$moment(created).startOf("nothing").toISOString()
$moment(created).endOf("year").toISOString()
$moment(created).endOf("quarter").toISOString()
$moment(created).endOf("month").toISOString()
$moment(created).endOf("week").toISOString()
$moment(created).endOf("isoWeek").toISOString()
$moment(created).endOf("day").toISOString()
$moment(created).endOf("hour").toISOString()
$moment(created).endOf("second").toISOString()
$moment(created).utc().endOf("month").format("LLLL")
$moment(created).diff("2020-01-01T00:00:00Z")
$moment(created).diff("2020-01-01T00:00:00Z", "days")
$moment(created).diff("2020-01-01T00:00:00Z", "days", true)
$moment(created).diff("2020-01-01", "months")
$moment(created).diff("2020-01-01", "months", true)
$moment(created).diff("2018-03-01", "years")
$moment(created).diff("2018-03-01", "years", true)
$moment(created).diff("2018-03-01", "quarters")
$moment(created).diff("2018-03-01", "weeks")
$moment(created).diff("2020-02-28T20:00:00Z", "hours")
$moment(created).diff("2020-02-28T20:00:00Z", "minutes")
$moment(created).diff("2020-02-28T20:00:00Z", "seconds", true)
$moment("2020-03-31").diff("2020-02-29", "months", true)
$moment("2020-11-01").diff("2020-10-01", "days")
$moment(created).isBefore("2021-01-01")
$moment(created).isBefore("2020-12-31", "year")
$moment(created).isAfter("2019-01-01")
$moment(created).isAfter("2020-02-01", "month")
$moment(created).isSame(created)
$moment(created).isSame("2020-02-01", "month")
$moment(created).isSame("2020-02-01", "day")
$moment(created).isSameOrBefore(created)
$moment(created).isSameOrAfter("2021-01-01")
$moment(created).isBetween("2020-01-01", "2021-01-01")
$moment(created).isBetween(created, "2021-01-01")
$moment(created).isBetween(created, "2021-01-01", "day", "[)")
$moment(created).isBefore("foo")
$moment(created).from("2020-03-01T00:00:00Z")
$moment(created).from("2020-02-01T00:00:00Z")
$moment(created).from("2020-02-28T23:30:00Z")
$moment(created).from("2020-02-28T23:31:20Z")
$moment(created).from("2020-02-28T22:44:00Z")
$moment(created).from("2020-02-28T10:00:00Z")
$moment(created).from("2020-02-27T10:00:00Z")
$moment(created).from("2020-02-10T10:00:00Z")
$moment(created).from("2020-01-10T10:00:00Z")
$moment(created).from("2019-05-10T10:00:00Z")
$moment(created).from("2019-03-01T10:00:00Z")
$moment(created).from("2000-03-01T10:00:00Z")
$moment(created).from("2000-03-01T10:00:00Z", true)
$moment(created).to("2020-03-01T00:00:00Z")
$split($moment("2000-01-01").fromNow(), " ")[[1, 2]]
$count($split($moment("2000-01-01").fromNow(true), " "))
$moment().fromNow()
$moment(created).calendar("2020-02-29T12:00:00Z")
$moment(created).calendar("2020-02-28T12:00:00Z")
$moment(created).calendar("2020-02-25T12:00:00Z")
$moment(created).calendar("2020-03-03T12:00:00Z")
$moment(created).calendar("2020-06-01T12:00:00Z")
$moment(created).max
$moment(created).add(1).toISOString()
$moment(created).add("x", "day").toISOString()
$moment(created).add("day", 1).toISOString()
$moment(created).utcOffset("foo").format()
$moment(created).isSame("foo")
$moment(created).isBetween("foo", "2021-01-01")
$moment(created).toNow() ~> $type()
$moment(created).from("foo")
$moment(created).get("nothing") ~> $type()
$moment(created).set("nothing", 1).format()
$moment(created).set(5, 1).format()
$moment(created).year("x").format()
$moment(created).month("x").format()
$moment(created).isoWeekday("Sunday").format()
$moment(created).hour("5").format()
$moment(created).year(2021).month(11).date(31).hours(23).format()
$moment("foo").year(2020).format()
$moment("foo").startOf("day").format()
$moment("foo").endOf("day").format()
$moment("foo").toArray()
$moment("foo").toObject()
$moment("foo").isBefore(created)
$moment("foo").valueOf()
$moment("foo").utc().format()
$moment("foo").isUtc()
$moment("foo").daysInMonth()
$moment("foo").calendar()
$moment("foo").toDate()
$moment("17 Foo 2020 11:12 GMT").isValid()
$moment("32 May 2020 11:12 GMT").isValid()
$moment("17 May 49 11:12 GMT")
$moment("17 May 50 11:12 GMT")
$moment("17 May 2020 11:12 EST")
$moment("2020-W60").isValid()
$moment("2020-W20-9").isValid()
$moment("2020-400").isValid()
$moment("2020-366")
$moment("2019-366").isValid()
$moment("2020-05-17T11:12:60").isValid()
$moment("2020-05-17T1:12").isValid()
$moment("366 2019", "DDD YYYY").isValid()
$moment("60 2020", "ww gggg").isValid()
$moment("2020-13", "YYYY-MM").isValid()
$moment("5 Q 2020", "Q [Q] YYYY").isValid()
$moment("24 2020-05-17", "kk YYYY-MM-DD")
$moment("5 2020-05-17", "k YYYY-MM-DD")
$moment("111213 2020-05-17", "hmmss YYYY-MM-DD")
$moment("2020-05-17 11.25", "YYYY-MM-DD ss.SS")
$moment("2020-05-17 11.123456", "YYYY-MM-DD ss.SSSSSS").toISOString()
$moment("20 W20", "YY [W]WW")
$moment("xx 17", "[x]DD").isValid()
$moment("17.05.2020", []).isValid()
$moment("2020-05-17 11:12 -0330", "YYYY-MM-DD HH:mm ZZ")
$moment("2020-05-17 11:12 Z", "YYYY-MM-DD HH:mm Z")
$moment("17. Mai 2020", "D. MMMM YYYY").isValid()
$moment("2020-05-17", "YYYY-MM-DD HH:mm").format()
$moment("2020-05-17 13:00", "YYYY-MM-DD hh:mm").format()
$moment("2020-05-17 13:00", "YYYY-MM-DD hh:mm", true).isValid()
$moment({"foo": 1}) ~> $type()
$moment([]) ~> $type()
$moment({"year": 2020, "month": 13}).isValid()
$moment(created).locale("en").format("MMMM")
$moment(created).locale()
$moment("Jan 5, 2020")
$moment("January 5 2020")
$moment("5 January 2020 10:00")
$moment("05-Jan-2020")
$moment("Sun Jan 05 2020 10:30:00 GMT+0100 (CET)")
$moment("Sunday, January 5, 2020 10:30 PM")
$moment("2020/01/05")
$moment("2020-1-5")
$moment("2020/1/5 8:05")
$moment("2020/1/5 8:05:09 UTC")
$moment("1/5/2020")
$moment("01/05/2020 12:30 AM")
$moment("13/05/2020")
$moment("01.05.2020")
$moment("17.05.2020")
$moment("5/17/2020, 11:12:13 AM")
$moment(created) = $moment("2021-01-01")
$moment(created) != $moment("2021-01-01")
items.{"sku": sku, "due": $moment($$.created).add(qty, "days").format("L")}
$map(["2020-01-01", "2020-02-01"], function($d){$moment($d).format("MMM")})
$moment(customer.missing, "DD.MM.YYYY").isValid()
$moment($moment(created).format("L"), "L").format("YYYY-MM-DD")
$now() ~> $moment() ~> $type()
$moment("2020-05-17").isSame($moment([2020, 4, 17]))
$moment(created) = $moment(created)
$moment(created) & ""
$length($moment().format("L"))
$moment().isAfter(created)
$keys($moment(created)) ~> $count() > 0
"""

PATTERNS = r"""
$match("aB1_ é", /\w+/).match
$match("aB1_ é", /\W+/).match
$match("aB1_ é", /\d/).match
$match("a1", /\D/).match
$match("a b", /\S+/).match
$match("a\u00a0b\ufeffc\u0085d", /\s/).index
$match("a\u00a0b", /[\s]/).index
$match("a b\u00a0c", /[\S]+/).match
$match("a1é", /[\D]+/).match
$match("a_é-", /[\W]+/).match
$match("a_é-", /[^\W]+/).match
$match("é a-b", /\ba/).index
$match("éa", /\ba/).index
$match("éa", /\Ba/).index
$match("a\nb", /a.b/)
$match("a\nb", /a[^]b/).index
$match("a\u2028b", /a.b/)
$match("ab", /[]/)
$match("AB", /\x41/).index
$match("AB", /\u0041/).index
$match("AB", /\xZ/)
$match("xZ", /\xZ/).index
$match("a\tb", /\t/).index
$match("a\nb", /\cJ/).index
$match("a-b", /\-/).index
$match("ae", /\e/).index
$match("aa", /(a)\1/).match
$match("aa", /(?<x>a)\k<x>/).match
$match("abc", /(?<=a)b/).index
$match("abc", /(?<!a)c/).index
$match("abc", /a(?=b)/).match
$match("abc", /b(?!b)/).match
$match("abc", /(?:a|b)+/).match
$match("a{b", /a\{b/).match
$match("a{,2}", /a{,2}/).match
$match("aaa", /a{2}/).match
$match("aaa", /a{2,}/).match
$match("aaa", /a{1,2}/).match
$match("aaa", /a+?/).match
$match("a]b", /[\]]/).index
$match("a[b", /[\[]/).index
$match("a&&b", /[&&]+/).match
$match("a||b~~", /[|~]+/).match
$match("a--b", /[a-]+/).match
$match("a--b", /[-a]+/).match
$match("a+,-b", /[+--]+/).match
$match("a^b", /[\^]/).index
$match("a^b", /[b^]/).index
$match("a$b", /\$/).index
$match("a$b", /[$]/).index
$match("a\nb\n", /^b$/m).index
$match("a\r\nb", /$/m, 1).index
$match("a\nb\n", /b$/)
$match("ab", /^/, 1)
$match("aBc", /b/i).match
$match("aÜb", /ü/i).match
$match("a.b", /\./).index
$match("a#b c", /a#b c/).match
$match("é", /[é-ü]/).match
$match("a}b", /a}b/).match
$match("(a)", /\(a\)/).match
$match("a/b", /[\/]/).index
$match("aaab", /a*b/).match
$match("abab", /(?:ab)*/, 1).match
$match("x", /(x)|(y)/).groups
$match("", /^$/)
$match("ab", /b??/, 1)
$replace("a.b", /\./, "$$")
$replace("ab", /(?<n>b)/, "<$1>")
$replace("aaaa", /aa/, "b")
$replace("John Smith", /(\w+)\s(\w+)/, "$2, $1")
$replace("a1b2", /\d/, function($m){"<" & $m.match & $m.start & ">"})
$split("2020-05-17T10:00", /[-T:]/)
$split("a  b   c", /\s+/)
$contains("\u0000", /\0/)
$filter(["ab", "bc"], function($s){$contains($s, /^a/)})
$match("ab", /a/)[match = "a"].index
"ab" ~> $contains(/b/)
$match("tel +49 30 1234", /\+(\d{2})\s(\d+)\s(\d+)/).groups
"""

GROUPS = {
    "paths": PATHS,
    "operators": OPERATORS,
    "texts": TEXTS,
    "numbers": NUMBERS,
    "lists": LISTS,
    "dates": DATES,
    "patterns": PATTERNS,
    "moments": MOMENTS,
}


def expressions(group: str) -> list[str]:
    """Return the expressions of a group."""
    return GROUPS[group].strip().splitlines()
