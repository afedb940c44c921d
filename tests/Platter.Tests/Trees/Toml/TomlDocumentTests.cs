using System.Text;
using Platter.Testing;
using Platter.Trees.Toml;
using Xunit;

namespace Platter.Tests.Trees.Toml;

/// <summary>What the conformance data does not say: places, messages, limits, and the rules it leaves out.</summary>
public sealed class TomlDocumentTests
{
    private static TomlTable Parse(string text) => TomlDocument.Parse(text, "spec.toml").Root;

    private static string Refused(string text) => Assert.Throws<TomlException>(() => TomlDocument.Parse(text, "spec.toml")).Message;

    private static T Get<T>(TomlTable table, string key)
        where T : TomlValue
    {
        Assert.True(table.TryGet(key, out TomlValue? value), $"{key} is missing");
        return Assert.IsType<T>(value);
    }

    [Fact]
    public void Keys_and_values_know_their_line_and_column()
    {
        var root = Parse("# head\r\na = 1\n  [t]\n\tb.c = [ 1,\n  '''x\ny''', 2 ] # tail\n[[list]]\nz = {q = true}\n");
        Assert.True(root.TryGet("a", out TomlEntry a));
        Assert.Equal(("spec.toml", 2, 1), (a.KeyPlace.SourceName, a.KeyPlace.Line, a.KeyPlace.Column));
        Assert.Equal("spec.toml:2:5", a.Value.Place.ToString());
        Assert.True(root.TryGet("t", out TomlEntry t));
        Assert.Equal("spec.toml:3:4", t.KeyPlace.ToString());
        Assert.Equal("spec.toml:3:3", t.Value.Place.ToString());
        var b = Get<TomlTable>((TomlTable)t.Value, "b");
        Assert.True(b.TryGet("c", out TomlEntry c));
        Assert.Equal("spec.toml:4:4", c.KeyPlace.ToString());
        Assert.Equal("spec.toml:4:10 spec.toml:5:3 spec.toml:6:7", string.Join(' ', ((TomlArray)c.Value).Items.Select(i => i.Place.ToString())));
        var list = Get<TomlArray>(root, "list");
        Assert.True(list.IsArrayOfTables);
        Assert.Equal("spec.toml:7:1", list.Items[0].Place.ToString());
        Assert.Equal("spec.toml:8:10", Get<TomlBoolean>(Get<TomlTable>((TomlTable)list.Items[0], "z"), "q").Place.ToString());
    }

    [Fact]
    public void Entries_keep_the_order_of_the_text_also_when_there_are_many()
    {
        var keys = Enumerable.Range(0, 1000).Select(i => $"k{i * 7919 % 1000}").ToList();
        var root = Parse(string.Concat(keys.Select(k => $"{k} = 1\n")));
        Assert.Equal(string.Join(' ', keys), string.Join(' ', root.Entries.Select(e => e.Key)));
        Assert.All(keys, k => Assert.True(root.TryGet(k, out TomlValue? _)));
        Assert.False(root.TryGet("K1", out TomlValue? _));
    }

    [Theory]
    [InlineData("a = 1\na = 2", "spec.toml:2:1: 'a' is an integer since line 1 and cannot be given again")]
    [InlineData("[a]\n[a]", "spec.toml:2:2: 'a' is a table since line 1 and cannot be defined again")]
    [InlineData("a = {}\n[a.b]", "spec.toml:2:2: 'a' is an inline table since line 1 and cannot be added to")]
    [InlineData("a = hello", "spec.toml:1:5: 'hello' is not a value; a string needs quotes")]
    [InlineData("a = True", "spec.toml:1:5: 'True' is not a value; write true")]
    [InlineData("a = 0644", "spec.toml:1:5: '0644' begins with a 0; decimal numbers don't, octal ones are written like 0o644")]
    [InlineData("a = 9223372036854775808", "spec.toml:1:5: '9223372036854775808' is out of the range of a 64-bit integer")]
    [InlineData("a = 0x8000000000000000", "spec.toml:1:5: '0x8000000000000000' is out of the range of a 64-bit integer")]
    [InlineData("a = 1e999", "spec.toml:1:5: '1e999' is out of the range of a 64-bit float")]
    [InlineData("a = 2026-02-29", "spec.toml:1:5: '2026-02-29' is not a date or time: there is no such day")]
    [InlineData("a = 07:32", "spec.toml:1:5: '07:32' is not a date or time: a time is written 07:32:00 or 07:32:00.999")]
    [InlineData("a = 2026-01-01T00:00:00+24:00", "spec.toml:1:5: '2026-01-01T00:00:00+24:00' is not a date or time: an offset is written Z, +07:00 or -07:00")]
    [InlineData("a = \"x\nb = 1", "spec.toml:1:5: the string that begins here is not closed by \" before the end of the line")]
    [InlineData("a = '''x\nb = 1", "spec.toml:1:5: the string that begins here is not closed by '''")]
    [InlineData("a = \"C:\\path\"", "spec.toml:1:9: a backslash cannot be followed by 'p'; a literal string ('...') takes backslashes as they are")]
    [InlineData("a = \"\\uD800\"", "spec.toml:1:6: \\uD800 is not a Unicode character")]
    [InlineData("a = \"\u001B\"", "spec.toml:1:6: a string may not contain the character U+001B; write it as an escape")]
    [InlineData("# a\rb = 1", "spec.toml:1:4: a comment may not contain a carriage return without a line feed")]
    [InlineData("a = 1\r", "spec.toml:1:6: expected the end of the line, found a carriage return without a line feed")]
    [InlineData("a = 1 b = 2", "spec.toml:1:7: expected the end of the line, found 'b'")]
    [InlineData("a = ", "spec.toml:1:5: expected a value, found the end of the text")]
    [InlineData("a =\n", "spec.toml:1:4: expected a value, found the end of the line")]
    [InlineData("größe = 1", "spec.toml:1:3: expected '=' after the key, found 'ö'")]
    [InlineData("ö = 1", "spec.toml:1:1: expected a key, found 'ö'; a key with such characters needs quotes")]
    [InlineData("a = [1 2]", "spec.toml:1:8: expected ',' or ']' in the array that begins at line 1, found '2'")]
    [InlineData("a = {b = 1,\n}", "spec.toml:1:12: expected a key, found the end of the line")]
    [InlineData("[a", "spec.toml:1:3: expected ']' after the table name, found the end of the text")]
    [InlineData("\"\"\"a\"\"\" = 1", "spec.toml:1:1: a key cannot be a string of several lines")]
    public void A_mistake_is_named_with_its_place(string text, string message) => Assert.Equal(message, Refused(text));

    [Fact]
    public void Invalid_utf8_is_named_with_its_place()
    {
        var bytes = (byte[])[.. "ok = 'ü'\nb = '"u8, 0xC3, 0x28, .. "'"u8];
        var e = Assert.Throws<TomlException>(() => TomlDocument.Parse(bytes, "spec.toml"));
        Assert.Equal("spec.toml:2:6: the byte 0xC3 is not UTF-8 here; TOML is always UTF-8", e.Message);
    }

    [Fact]
    public void A_lone_surrogate_in_a_string_is_refused() =>
        Assert.Equal("spec.toml:2:6: the surrogate U+D800 stands alone; the text is not Unicode", Refused("a = '😀'\nb = '\uD800'"));

    [Fact]
    public void A_byte_order_mark_is_skipped_once()
    {
        Assert.Equal(1, Get<TomlInteger>(Parse("\uFEFFa = 1"), "a").Value);
        Refused("\uFEFF\uFEFFa = 1");
    }

    [Theory]
    [InlineData("a = \"\"\"\n\"\"quoted\"\"\"\"\"", "\"\"quoted\"\"")]
    [InlineData("a = ''''it''s''''", "'it''s'")]
    [InlineData("a = \"\"\"x \\\r\n  \r\n\ty\"\"\"", "x y")]
    [InlineData("a = \"\\u00e4\\U0001F600\"", "ä😀")]
    [InlineData("a = ''", "")]
    public void Strings_mean_what_the_specification_says(string text, string value) => Assert.Equal(value, Get<TomlString>(Parse(text), "a").Value);

    [Fact]
    public void Integers_reach_both_ends_of_the_range_and_know_their_radix()
    {
        var root = Parse("a = -9223372036854775808\nb = 0x7FFF_FFFF_FFFF_FFFF\nc = 0o755\nd = 0b11\ne = +0");
        Assert.Equal((long.MinValue, 10), (Get<TomlInteger>(root, "a").Value, Get<TomlInteger>(root, "a").Radix));
        Assert.Equal((long.MaxValue, 16), (Get<TomlInteger>(root, "b").Value, Get<TomlInteger>(root, "b").Radix));
        Assert.Equal((493L, 8), (Get<TomlInteger>(root, "c").Value, Get<TomlInteger>(root, "c").Radix));
        Assert.Equal((3L, 2), (Get<TomlInteger>(root, "d").Value, Get<TomlInteger>(root, "d").Radix));
        Assert.Equal(0, Get<TomlInteger>(root, "e").Value);
    }

    [Theory]
    [InlineData("1985-06-18T17:04:07.123456789987Z", "1985-06-18T17:04:07.123456789Z", "1985-06-18T17:04:07.1234567+00:00")]
    [InlineData("1985-06-18 17:04:07+23:59", "1985-06-18T17:04:07+23:59", "1985-06-17T17:05:07.0000000+00:00")]
    [InlineData("2016-12-31T23:59:60Z", "2016-12-31T23:59:60Z", "2017-01-01T00:00:00.0000000+00:00")]
    [InlineData("2026-01-02", "2026-01-02", "2026-01-02T00:00:00.0000000+00:00")]
    [InlineData("2026-01-02T03:04:05.5", "2026-01-02T03:04:05.5", "2026-01-02T03:04:05.5000000+00:00")]
    [InlineData("0000-02-29", "0000-02-29", null)]
    [InlineData("0001-01-01T00:00:00+00:01", "0001-01-01T00:00:00+00:01", null)]
    [InlineData("9999-12-31T23:59:60Z", "9999-12-31T23:59:60Z", null)]
    [InlineData("12:00:00", "12:00:00", null)]
    public void Dates_give_an_instant_where_there_is_one(string text, string canonical, string? instant)
    {
        var value = Get<TomlDateTime>(Parse($"a = {text}"), "a");
        Assert.Equal(canonical, value.ToString());
        Assert.Equal(instant is not null, value.TryGetInstant(out var found));
        if (instant is not null)
            Assert.Equal(instant, found.ToString("O"));
    }

    [Fact]
    public void Dotted_keys_and_headers_extend_only_what_is_open()
    {
        Parse("[fruit]\napple.color = 1\napple.taste = 2\n[fruit.apple.seeds]\nx = 1");
        Parse("[a.b]\n[a]\nx = 1");
        Refused("[fruit]\napple.color = 1\n[fruit.apple]");
        Refused("[a.b]\n[a]\nb.x = 1");
        Refused("a = [{b = 1}]\n[[a]]");
        Refused("a = [{b = 1}]\n[a.c]");
        Refused("a = {b.c = 1}\na.b.d = 2");
        Refused("a = {b = {c = 1}, b.d = 2}");
    }

    [Fact]
    public void Nesting_is_bounded_in_every_notation()
    {
        const int deep = 100_000;
        Assert.Contains("deeper than 256", Refused("a = " + new string('[', deep)), StringComparison.Ordinal);
        Assert.Contains("deeper than 256", Refused("a = " + string.Concat(Enumerable.Repeat("{a=", deep))), StringComparison.Ordinal);
        Assert.Contains("deeper than 256", Refused("a = " + string.Concat(Enumerable.Repeat("[{a=", deep))), StringComparison.Ordinal);
        Assert.Contains("deeper than 256", Refused(string.Concat(Enumerable.Repeat("a.", deep)) + "a = 1"), StringComparison.Ordinal);
        Assert.Contains("deeper than 256", Refused("[" + string.Concat(Enumerable.Repeat("a.", deep)) + "a]"), StringComparison.Ordinal);
        Parse("a = " + new string('[', 250) + new string(']', 250));
    }

    [Theory]
    [InlineData("keys")]
    [InlineData("dotted keys")]
    [InlineData("tables")]
    [InlineData("arrays of tables")]
    [InlineData("array items")]
    [InlineData("inline tables")]
    [InlineData("long string")]
    [InlineData("escapes")]
    [InlineData("quotes")]
    [InlineData("digits")]
    [InlineData("float digits")]
    [InlineData("blank lines")]
    [InlineData("line joins")]
    [InlineData("line join blanks")]
    [InlineData("deep headers")]
    public void A_large_text_takes_time_in_proportion_to_its_length(string shape)
    {
        var text = Large(shape);
        var start = ProcessorTime.OfThread();
        try
        {
            TomlDocument.Parse(text, "spec.toml");
        }
        catch (TomlException)
        {
            Assert.Equal("digits", shape);   // the only shape that is out of range
        }
        var took = ProcessorTime.OfThread() - start;
        Assert.True(took < TimeSpan.FromSeconds(2), $"{shape}: {text.Length} characters took {took}");
    }

    private static string Large(string shape)
    {
        const int n = 100_000;
        var all = Enumerable.Range(0, n);
        return shape switch
        {
            "keys" => string.Concat(all.Select(i => $"k{i}=1\n")),
            "dotted keys" => string.Concat(all.Select(i => $"a.b.k{i}=1\n")),
            "tables" => string.Concat(all.Select(i => $"[t.t{i}]\n")),
            "arrays of tables" => string.Concat(all.Select(_ => "[[t]]\n[[t.u]]\n")),
            "array items" => "a=[" + string.Concat(all.Select(_ => "1,\n")) + "]",
            "inline tables" => "a=[" + string.Concat(all.Select(_ => "{b.c=1},")) + "]",
            "long string" => "a='" + new string('x', n * 10) + "'",
            "escapes" => "a=\"" + string.Concat(all.Select(_ => "\\n\\u0041")) + "\"",
            "quotes" => "a=\"\"\"" + string.Concat(all.Select(_ => "\"\"x")) + "\"\"\"",
            "digits" => "a=" + new string('1', n * 10),
            "float digits" => "a=" + new string('1', 300) + "." + new string('1', n * 10),
            "blank lines" => new string('\n', n * 10),
            "line joins" => "a=\"\"\"" + string.Concat(all.Select(_ => "\\\n \n")) + "\"\"\"",
            "line join blanks" => "a=\"\"\"\\" + new string(' ', n * 10) + "\n\"\"\"",
            _ => string.Concat(Enumerable.Range(0, n / 100).Select(i => "[" + string.Concat(Enumerable.Repeat("a.", 200)) + $"k{i}]\n")),
        };
    }

    [Fact]
    public void A_message_stays_one_short_line_whatever_the_text_holds()
    {
        foreach (var text in new[] { "\"a\\nb\" = 1\n\"a\\nb\" = 2", $"{new string('k', 100_000)} = 1\n{new string('k', 100_000)} = 2", $"a = {new string('x', 100_000)}",
                     $"a = 0{new string('1', 100_000)}", $"'x{string.Concat(Enumerable.Repeat("😀", 30))}' = 1\n'x{string.Concat(Enumerable.Repeat("😀", 30))}' = 1" })
        {
            var message = Refused(text);
            Assert.DoesNotContain(message, char.IsControl);
            Assert.InRange(message.Length, 10, 200);
            Assert.Equal(message, new string(Encoding.UTF8.GetChars(Encoding.UTF8.GetBytes(message))));
        }
    }
}
