using System.Text;
using Platter.FileSystems;
using Platter.FileSystems.Fat;
using Platter.Primitives;
using Platter.Testing.Fat;
using Xunit;

namespace Platter.Tests.FileSystems.Fat;

/// <summary>Names on disk: what is stored for a name, and what is seen of what is stored.</summary>
public class FatNamesTests
{
    [Theory]
    [InlineData("README.TXT", "README  TXT", 0x00)]
    [InlineData("readme.txt", "README  TXT", 0x18)]
    [InlineData("readme.TXT", "README  TXT", 0x08)]
    [InlineData("README.txt", "README  TXT", 0x10)]
    [InlineData("makefile", "MAKEFILE   ", 0x08)]
    [InlineData("A", "A          ", 0x00)]
    [InlineData("12345678.123", "12345678123", 0x00)]
    [InlineData("$%'-_@~`.!()", "$%'-_@~`!()", 0x00)]
    [InlineData("{}^#&.x", "{}^#&   X  ", 0x10)]
    public void A_short_name_of_one_case_takes_one_slot(string name, string stored, int flags)
    {
        using var c = FatCase.OfWidth(16);
        c.File("/" + name);
        var slots = c.Slots("/");
        Assert.Equal(stored, Encoding.ASCII.GetString(slots, 0, 11));
        Assert.Equal(flags, slots[0x0C]);
        Assert.Equal(0, slots[32]);
        c.Reopen();
        Assert.Equal([name], c.Names("/"));
        c.AssertClean();
    }

    [Theory]
    [InlineData("ReadMe.txt", "README  TXT")]           // only the case is lost, and the long name has it
    [InlineData("Long file name.text", "LONGFI~1TEX")]
    [InlineData(".bashrc", "BASHRC~1   ")]
    [InlineData("..two", "TWO~1      ")]
    [InlineData(" leading", "LEADIN~1   ")]
    [InlineData(" . odd", "ODD~1      ")]
    [InlineData("a.b.c", "AB~1    C  ")]
    [InlineData("with space", "WITHSP~1   ")]
    [InlineData("a b", "AB~1       ")]
    [InlineData("123456789", "123456~1   ")]             // truncated without a collision: a tail all the same
    [InlineData("name.html", "NAME~1  HTM")]
    [InlineData("a+b=c.txt", "A_B_C~1 TXT")]
    [InlineData("[x];,y", "_X___Y~1   ")]
    [InlineData("日本語.txt", "___~1   TXT")]
    [InlineData("x𝄞y.txt", "X_Y~1   TXT")]               // a pair of surrogates is one character
    [InlineData("tar.gz.x", "TARGZ~1 X  ")]
    public void A_long_name_gets_this_alias(string name, string stored)
    {
        using var c = FatCase.OfWidth(16);
        c.File("/" + name);
        Assert.Equal(stored, c.ShortName("/" + name));
        c.Reopen();
        Assert.Equal([name], c.Names("/"));
        c.AssertClean();
    }

    [Theory]
    [InlineData(437, "Ärger", "8E524745522020202020", false)]
    [InlineData(850, "ÑANDÚ.É", "A5414E44E920202090", false)]
    [InlineData(866, "Привет.мир", "8F908882859220208C8890", false)]
    [InlineData(852, "Žlutý.txt", "A64C5554ED202020545854", false)]
    [InlineData(437, "Привет", "5F5F5F5F5F5F", true)]
    [InlineData(850, "Žlutý.txt", "5F4C5554ED7E3120545854", true)]
    public void Names_beyond_ASCII_are_stored_in_the_code_page(int page, string name, string hex, bool lossy)
    {
        using var c = FatCase.OfWidth(16, new VolumeOptions { OemCodePage = page });
        c.File("/" + name);
        var expected = Convert.FromHexString(hex);
        if (lossy)
            expected = [.. expected.Where(b => b != 0)];
        var stored = c.ShortSlot("/" + name).AsSpan(0, 11);
        Assert.Equal(Convert.ToHexString(expected.AsSpan(0, Math.Min(expected.Length, 6))), Convert.ToHexString(stored[..Math.Min(expected.Length, 6)]));
        Assert.Equal(lossy, stored.Contains((byte)'~'));
        c.Reopen();
        Assert.Equal([name], c.Names("/"));
        Assert.True(c.Volume.TryLookup(c.Root, name.ToUpperInvariant(), out _));
        c.AssertClean();
    }

    [Fact]
    public void No_double_byte_character_is_cut_in_two()
    {
        using var c = FatCase.OfWidth(16, new VolumeOptions { OemCodePage = 932 });
        for (var i = 0; i < 12; i++)
        {
            var name = "aテストファイル名が長い" + (char)('A' + i) + ".拡張子";
            c.File("/" + name);
            var stored = c.ShortSlot("/" + name);
            var text = CodePage.Get(932).Decode(stored.AsSpan(0, 8)) + CodePage.Get(932).Decode(stored.AsSpan(8, 3));
            Assert.DoesNotContain('\uFFFD', text);
            Assert.Contains('~', text);
        }
        c.Reopen();
        Assert.Equal(12, c.Names("/").Length);
    }

    [Fact]
    public void A_first_byte_E5_is_stored_as_05_and_is_no_removed_entry()
    {
        // U+8868 is 95 5C; a lead byte E5 comes with the kanji from E5 40 on.
        using var c = FatCase.OfWidth(12, new VolumeOptions { OemCodePage = 932 });
        var name = CodePage.Get(932).Decode([0xE5, 0x40]) + "A";
        c.File("/" + name);
        Assert.Equal(0x05, c.ShortSlot("/" + name)[0]);
        c.Reopen();
        Assert.Equal([name], c.Names("/"));
        Assert.True(c.Volume.TryLookup(c.Root, name, out _));
        c.Delete("/" + name);
        Assert.Equal(0xE5, c.Slots("/")[0]);
        c.Reopen();
        Assert.Empty(c.Names("/"));
    }

    [Fact]
    public void A_sigma_that_is_E5_in_page_437_is_stored_as_05_too()
    {
        // Lower-case sigma has an upper case in Unicode, so only the alias can start with it when nothing else fits: stored by hand.
        using var c = FatCase.OfWidth(12);
        var slot = new byte[32];
        Encoding.ASCII.GetBytes("\u0005IGMA   TXT").CopyTo(slot, 0);
        c.PutSlots("/", 0, slot);
        Assert.Equal(["σIGMA.TXT"], c.Names("/"));
        Assert.True(c.Volume.TryLookup(c.Root, "σigma.txt", out _));
        Assert.True(c.Volume.TryLookup(c.Root, "Σigma.txt", out _));
    }

    [Fact]
    public void A_long_name_is_stored_as_the_specification_says()
    {
        using var c = FatCase.OfWidth(16);
        c.File("/The quick brown.fox");       // 19 units: two slots, the second with 6 units, a zero and padding
        var slots = c.Slots("/");
        Assert.Equal(0x42, slots[0]);
        Assert.Equal(0x01, slots[32]);
        Assert.Equal("THEQUI~1FOX", Encoding.ASCII.GetString(slots, 64, 11));
        var sum = (byte)0;
        foreach (var b in slots.AsSpan(64, 11))
            sum = (byte)((sum >> 1) + (sum << 7) + b);
        for (var slot = 0; slot < 2; slot++)
        {
            Assert.Equal(0x0F, slots[slot * 32 + 0x0B]);
            Assert.Equal(0, slots[slot * 32 + 0x0C]);
            Assert.Equal(sum, slots[slot * 32 + 0x0D]);
            Assert.Equal((0, 0), (slots[slot * 32 + 0x1A], slots[slot * 32 + 0x1B]));
        }
        Assert.Equal("The quick bro", Units(slots, 32));
        Assert.Equal("wn.fox\0" + new string('\uFFFF', 6), Units(slots, 0));
    }

    [Fact]
    public void A_name_of_thirteen_units_has_neither_a_zero_nor_padding()
    {
        using var c = FatCase.OfWidth(16);
        c.File("/Thirteen unit");
        Assert.Equal(0x41, c.Slots("/")[0]);
        Assert.Equal("Thirteen unit", Units(c.Slots("/"), 0));
        c.Reopen();
        Assert.Equal(["Thirteen unit"], c.Names("/"));
    }

    [Fact]
    public void A_name_may_have_255_units_and_no_more()
    {
        using var c = FatCase.OfWidth(16);
        var longest = string.Concat(Enumerable.Repeat("0123456789", 25)) + "abcde";
        c.File("/" + longest);
        Assert.Equal(0x40 | 20, c.Slots("/")[0]);
        var pairs = string.Concat(Enumerable.Repeat("𝄞", 127)) + "x";     // 255 units
        c.File("/" + pairs);
        Assert.Throws<InvalidNameException>(() => c.File("/" + longest + "f"));
        Assert.Throws<InvalidNameException>(() => c.File("/" + pairs + "x"));
        c.Reopen();
        Assert.Equal([longest, pairs], c.Names("/"));
        c.AssertClean();
    }

    [Theory]
    [InlineData("Long file name.txt", "longfi~1.TXT")]
    [InlineData("longfi~1.TXT", "LONGFI~1.txt")]
    [InlineData("ÄÖÜ", "äöü")]
    [InlineData("Ѐя", "ѐЯ")]
    public void A_new_name_may_equal_no_existing_long_or_short_name(string existing, string taken)
    {
        using var c = FatCase.OfWidth(16);
        c.File("/" + existing);
        c.File("/other name");
        Assert.Throws<AlreadyExistsException>(() => c.File("/" + taken));
        Assert.Throws<AlreadyExistsException>(() => c.Directory("/" + taken));
        Assert.Throws<AlreadyExistsException>(() => c.Rename("/other name", "/" + taken));
        Assert.Equal(2, c.Names("/").Length);
        c.AssertClean();
    }

    [Fact]
    public void An_alias_never_hits_another_name()
    {
        using var c = FatCase.OfWidth(16);
        c.Directory("/sub");
        c.File("/sub/LONGFI~1.TXT");
        c.File("/sub/longfi~2.txt", 3);
        c.File("/sub/Longfi~3.txt");            // long name equal to what would be an alias
        var names = new HashSet<string>(StringComparer.OrdinalIgnoreCase) { "LONGFI~1.TXT", "LONGFI~2.TXT", "LONGFI~3.TXT" };
        for (var i = 0; i < 300; i++)
        {
            var name = $"/sub/Long file {i}.txt";
            c.File(name);
            Assert.True(names.Add(c.Metadata(name).ShortName!), name + " has the alias of another: " + c.Metadata(name).ShortName);
        }
        c.Reopen();
        Assert.Equal(303, c.Names("/sub").Length);
        Assert.Equal(3, c.Metadata("/sub/longfi~2.txt").Length);
        c.AssertClean();
    }

    [Fact]
    public void Two_names_alike_after_loss_get_different_tails()
    {
        using var c = FatCase.OfWidth(12);
        foreach (var name in new[] { "a+b", "a=b", "a[b", "a]b", "a;b", "a,b", "a b", ".a_b" })
            c.File("/" + name);
        Assert.Equal(["A_B~1", "A_B~2", "A_B~3", "A_B~4"], c.Names("/").Take(4).Select(n => c.Metadata("/" + n).ShortName));
        Assert.Equal(8, c.Names("/").Select(n => c.Metadata("/" + n).ShortName).Distinct().Count());
        c.AssertClean();
    }

    [Theory]
    [InlineData("")]
    [InlineData(".")]
    [InlineData("..")]
    [InlineData("trailing.")]
    [InlineData("trailing ")]
    [InlineData("...")]
    [InlineData("a/b")]
    [InlineData("a\\b")]
    [InlineData("a:b")]
    [InlineData("a*")]
    [InlineData("a?")]
    [InlineData("\"a\"")]
    [InlineData("a<b")]
    [InlineData("a>b")]
    [InlineData("a|b")]
    [InlineData("a\tb")]
    [InlineData("a\0b")]
    [InlineData("a\u001F")]
    [InlineData("CON")]
    [InlineData("con.txt")]
    [InlineData("Aux.tar.gz")]
    [InlineData("nul")]
    [InlineData("prn .x")]
    [InlineData("com1")]
    [InlineData("LPT9.dat")]
    [InlineData("com\u00B2")]
    [InlineData("CLOCK$")]
    public void A_name_that_Windows_could_not_use_is_refused(string name)
    {
        using var c = FatCase.OfWidth(12);
        c.File("/x");
        Assert.Throws<InvalidNameException>(() => c.Volume.CreateFile(c.Root, name, MetadataChange.None));
        Assert.Throws<InvalidNameException>(() => c.Volume.CreateDirectory(c.Root, name, MetadataChange.None));
        Assert.Throws<InvalidNameException>(() => c.Volume.Rename(c.Root, "x", c.Root, name, replace: false));
        Assert.Equal(["x"], c.Names("/"));
    }

    [Fact]
    public void Half_of_a_surrogate_pair_is_refused()
    {
        using var c = FatCase.OfWidth(12);
        Assert.Throws<InvalidNameException>(() => c.Volume.CreateFile(c.Root, "a\uD834b", MetadataChange.None));
        Assert.Throws<InvalidNameException>(() => c.Volume.CreateFile(c.Root, "\uDD1E", MetadataChange.None));
    }

    [Theory]
    [InlineData("console")]
    [InlineData("COM0")]
    [InlineData("com10")]
    [InlineData("lpt")]
    [InlineData("nul_")]
    [InlineData("a\u007Fb")]
    [InlineData(" x")]
    [InlineData("x.y z")]
    [InlineData("~1")]
    public void A_name_that_only_looks_odd_is_taken(string name)
    {
        using var c = FatCase.OfWidth(12);
        c.File("/" + name);
        c.Reopen();
        Assert.Equal([name], c.Names("/"));
        c.AssertClean();
    }

    [Fact]
    public void The_case_bits_of_others_are_understood()
    {
        using var c = FatCase.OfWidth(12);
        foreach (var (slot, flags) in new[] { (0, 0x00), (1, 0x08), (2, 0x10), (3, 0x18) })
        {
            var bytes = new byte[32];
            Encoding.ASCII.GetBytes($"NAME{slot}   TXT").CopyTo(bytes, 0);
            bytes[0x0C] = (byte)flags;
            c.PutSlots("/", slot, bytes);
        }
        Assert.Equal(["NAME0.TXT", "name1.TXT", "NAME2.txt", "name3.txt"], c.Names("/"));
    }

    [Theory]
    [InlineData("checksum")]
    [InlineData("ordinal")]
    [InlineData("missing last")]
    [InlineData("removed in between")]
    public void An_orphaned_or_mismatched_long_name_is_passed_over(string damage)
    {
        using var c = FatCase.OfWidth(12);
        c.File("/A name of three slots, long.txt", 5);
        c.File("/after");
        var slots = c.Slots("/");
        switch (damage)
        {
            case "checksum":
                slots[0x0D] ^= 1;
                break;
            case "ordinal":
                slots[32] = 0x03;
                break;
            case "missing last":
                slots[0] = 0x03;
                break;
            default:
                slots[32] = 0xE5;
                break;
        }
        c.PutSlots("/", 0, slots);
        Assert.Equal(["ANAMEO~1.TXT", "after"], c.Names("/"));
        Assert.Equal(5, c.Read("/anameo~1.txt").Length);

        // Removing it takes the pieces right before it along, which would be nobody's; nothing else is hit.
        c.Delete("/ANAMEO~1.TXT");
        Assert.Equal(["after"], c.Names("/"));
        Assert.Equal(damage == "removed in between" ? slots[0] : 0xE5, c.Slots("/")[0]);
    }

    [Fact]
    public void Long_name_slots_before_a_label_are_no_name_of_it()
    {
        using var c = FatCase.OfWidth(12);
        c.File("/A long name.txt");
        var slots = c.Slots("/");
        slots[64 + 0x0B] = 0x08;
        c.PutSlots("/", 0, slots);
        Assert.Empty(c.Names("/"));
        Assert.Equal("ALONGN~1TXT", c.Volume.Info.Label);
    }

    [Fact]
    public void Names_are_found_with_and_without_an_index()
    {
        // The first look-ups scan, later ones go by an index; both must see the same.
        using var c = FatCase.OfWidth(16);
        string[] names = ["plain", "PLAIN2.TXT", "Mixed Case Name.txt", "日本語.txt", "Ünïcode.é", "x𝄞"];
        foreach (var name in names)
            c.File("/" + name);
        c.Reopen();
        for (var round = 0; round < 20; round++)
        {
            foreach (var name in names)
            {
                Assert.True(c.Volume.TryLookup(c.Root, name, out var byName));
                Assert.True(c.Volume.TryLookup(c.Root, c.Volume.GetMetadata(byName).ShortName!, out var byAlias));
                Assert.Equal(byName, byAlias);
                Assert.True(c.Volume.TryLookup(c.Root, name.ToUpperInvariant(), out var byUpper));
                Assert.Equal(byName, byUpper);
            }
            Assert.False(c.Volume.TryLookup(c.Root, "absent", out _));
        }
    }

    private static string Units(byte[] slots, int at) =>
        Encoding.Unicode.GetString([.. slots.AsSpan(at + 1, 10), .. slots.AsSpan(at + 0x0E, 12), .. slots.AsSpan(at + 0x1C, 4)]);
}
