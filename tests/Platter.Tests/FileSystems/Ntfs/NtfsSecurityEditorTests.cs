using Platter.FileSystems.Ntfs;
using Platter.Primitives;
using Platter.Testing.Ntfs;
using Xunit;

namespace Platter.Tests.FileSystems.Ntfs;

/// <summary>$Secure as it is added to, and what new files inherit.</summary>
public class NtfsSecurityEditorTests
{
    private const int Block = NtfsSecurityEntry.BlockSize;

    [Fact]
    public void Descriptors_get_ids_and_places_once_and_their_copies_lie_256_KiB_behind()
    {
        var secure = new Secure();
        var random = new Random(4);
        var known = new Dictionary<string, uint>();
        for (var i = 0; i < 1200; i++)
        {
            var text = Descriptor(i < 600 ? i : random.Next(600), i % 7 == 0 ? 40 : 3);
            var id = secure.Editor.Add(Sddl.Parse(text));
            Assert.Equal(known.TryGetValue(text, out var before) ? before : (uint)(NtfsSecurityEntry.FirstId + known.Count), id);
            known[text] = id;
        }
        foreach (var (text, id) in known)
            Assert.Equal(text, Sddl.Format(secure.Editor.Find(id)!));
        Assert.Null(secure.Editor.Find(0xFF));
        Assert.Null(secure.Editor.Find((uint)(NtfsSecurityEntry.FirstId + known.Count)));
        Verify(secure, known.Count);
        Assert.True(secure.Stream.Length > 2 * Block, "the first block overflowed");
    }

    [Fact]
    public void An_entry_that_does_not_fit_a_block_starts_the_next_but_one()
    {
        Assert.Equal(0, NtfsSecurityEditor.PlaceFor(0, 100));
        Assert.Equal(0x40, NtfsSecurityEditor.PlaceFor(0x31, 100));
        Assert.Equal(Block - 112, NtfsSecurityEditor.PlaceFor(Block - 112, 112));
        Assert.Equal(2 * Block, NtfsSecurityEditor.PlaceFor(Block - 112, 113));
        Assert.Equal(2 * Block, NtfsSecurityEditor.PlaceFor(Block, 100));
        Assert.Equal(4 * Block, NtfsSecurityEditor.PlaceFor(3L * Block - 20, 100));
        Assert.Equal(0, NtfsSecurityEditor.EndOfStream(0));
        Assert.Equal(0, NtfsSecurityEditor.EndOfStream(Block));
        Assert.Equal(0x78, NtfsSecurityEditor.EndOfStream(Block + 0x78));
        Assert.Equal(2 * Block + 5, NtfsSecurityEditor.EndOfStream(3 * Block + 5));
    }

    [Fact]
    public void Two_descriptors_of_one_hash_are_two()
    {
        // The second differs in two words so that the sums are equal: +1 in one, -8 in the next.
        var first = Sddl.Parse("O:BAG:BAD:(A;;0x100000;;;WD)");
        var second = first.ToArray();
        second[^8] += 1;
        second[^4] -= 8;
        Assert.Equal(NtfsSecurityHash.Of(first), NtfsSecurityHash.Of(second));
        var secure = new Secure();
        Assert.Equal(0x100u, secure.Editor.Add(first));
        Assert.Equal(0x101u, secure.Editor.Add(second));
        Assert.Equal(0x100u, secure.Editor.Add(first));
        Assert.Equal(0x101u, secure.Editor.Add(second));
        Assert.Equal(second, secure.Editor.Find(0x101));
    }

    [Fact]
    public void Nothing_is_put_among_keys_out_of_order()
    {
        // Found by fuzzing: one more id in $SII had the search for others end elsewhere, and files lost their descriptors.
        var storage = new MemoryIndexStorage(NtfsCollationRule.UnsignedLong, 4096, 4096, 1000);
        var ids = new NtfsIndexEditor(storage, MemoryIndexStorage.Upcase, "$SII");
        for (var id = 0x100u; id < 0x106; id++)
            Assert.True(ids.TryInsert(Entry(id)));
        var node = ids.Root;
        var second = node[1].Offset + NtfsIndexEntry.Size;
        var root = node.Bytes.ToArray();
        root[second] = 9;
        storage.RootValue = root;
        var before = storage.Fingerprint();
        Assert.Equal("NTFS-0308", Assert.Throws<DiskFormatException>(() => ids.TryInsert(Entry(0x106))).Code);
        Assert.Equal(before, storage.Fingerprint());

        static byte[] Entry(uint id)
        {
            var entry = new byte[NtfsSecurityEntry.Size];
            OnDisk.Edit<NtfsSecurityEntry>(entry).Id = id;
            return NtfsIndexEntries.OfView(entry.AsSpan(4, 4), entry);
        }
    }

    [Fact]
    public void A_damaged_descriptor_is_read_from_its_copy_and_not_shared()
    {
        var secure = new Secure();
        var descriptor = Sddl.Parse("O:BAG:SYD:(A;;FA;;;SY)");
        Assert.Equal(0x100u, secure.Editor.Add(descriptor));
        secure.Stream.Bytes[40] ^= 1;
        Assert.Equal(descriptor, secure.Editor.Find(0x100));
        Assert.Equal(0x101u, secure.Editor.Add(descriptor));
        secure.Stream.Bytes[Block + 40] ^= 1;
        Assert.Null(secure.Editor.Find(0x100));
    }

    [Fact]
    public void What_is_no_descriptor_is_refused()
    {
        var secure = new Secure();
        Assert.Throws<ArgumentException>(() => secure.Editor.Add(new byte[19]));
        Assert.Throws<ArgumentException>(() => secure.Editor.Add(new byte[60]));
        Assert.Throws<ArgumentException>(() => secure.Editor.Add([1, .. new byte[65536]]));
        Assert.Equal(0, secure.Stream.Length);
    }

    private const string Owner = "S-1-5-21-1-2-3-1001", Users = "S-1-5-21-1-2-3-513";

    [Theory]
    // What C:\ of Windows gives to what a user makes in it, as icacls lists it.
    [InlineData("D:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;0x1200a9;;;BU)(A;CI;LC;;;BU)(A;CIIO;DC;;;BU)(A;OICIIO;GA;;;CO)",
        "D:AI(A;ID;FA;;;SY)(A;ID;FA;;;BA)(A;ID;0x1200a9;;;BU)(A;ID;FA;;;@)",
        "D:AI(A;OICIID;FA;;;SY)(A;OICIID;FA;;;BA)(A;OICIID;0x1200a9;;;BU)(A;CIID;LC;;;BU)(A;CIID;DC;;;BU)(A;ID;FA;;;@)(A;OICIIOID;GA;;;CO)")]
    // Nothing is marked as inherited where the parent's list isn't.
    [InlineData("D:(A;OICI;FR;;;WD)", "D:(A;;FR;;;WD)", "D:(A;OICI;FR;;;WD)")]
    // For objects alone: through a directory, inherit-only.
    [InlineData("D:(A;OI;FR;;;WD)(A;;FA;;;BA)", "D:(A;;FR;;;WD)", "D:(A;OIIO;FR;;;WD)")]
    [InlineData("D:(A;CI;FR;;;WD)", "D:(A;;FA;;;@)(A;;FA;;;SY)", "D:(A;CI;FR;;;WD)")]
    // One level down, no further.
    [InlineData("D:(A;OICINP;FR;;;WD)(A;CINP;GA;;;CG)", "D:(A;;FR;;;WD)", "D:(A;;FR;;;WD)(A;;FA;;;#)")]
    [InlineData("D:(A;OINP;FR;;;WD)", "D:(A;;FR;;;WD)", "D:(A;;FA;;;@)(A;;FA;;;SY)")]
    // Generic rights become those of files, and stay generic for those below.
    [InlineData("D:(D;OICI;GW;;;AN)(A;OI;GRGX;;;WD)", "D:(D;;FW;;;AN)(A;;0x1200a9;;;WD)", "D:(D;;FW;;;AN)(D;OICIIO;GW;;;AN)(A;OIIO;GRGX;;;WD)")]
    // No list, or none that is inherited: what a token of an administrator would say.
    [InlineData("", "D:(A;;FA;;;@)(A;;FA;;;SY)", "D:(A;;FA;;;@)(A;;FA;;;SY)")]
    [InlineData("D:NO_ACCESS_CONTROL", "D:(A;;FA;;;@)(A;;FA;;;SY)", "D:(A;;FA;;;@)(A;;FA;;;SY)")]
    // Audit and labels.
    [InlineData("D:(A;OICI;FA;;;WD)S:AI(AU;OICISAFA;FA;;;WD)(ML;OICI;NW;;;LW)", "D:(A;;FA;;;WD)S:AI(AU;IDSAFA;FA;;;WD)(ML;ID;NW;;;LW)",
        "D:(A;OICI;FA;;;WD)S:AI(AU;OICIIDSAFA;FA;;;WD)(ML;OICIID;NW;;;LW)")]
    // Entries for objects: those of one class of children don't apply to files.
    [InlineData("D:(OA;OICI;RP;bf967aba-0de6-11d0-a285-00aa003049e2;;CO)(OA;OICI;WP;;bf967aba-0de6-11d0-a285-00aa003049e2;WD)", "D:(OA;;RP;bf967aba-0de6-11d0-a285-00aa003049e2;;@)",
        "D:(OA;;RP;bf967aba-0de6-11d0-a285-00aa003049e2;;@)(OA;OICIIO;RP;bf967aba-0de6-11d0-a285-00aa003049e2;;CO)(OA;OICIIO;WP;;bf967aba-0de6-11d0-a285-00aa003049e2;WD)")]
    public void New_files_and_directories_inherit_as_on_Windows(string parent, string file, string directory)
    {
        var above = Sddl.Parse("O:BAG:SY" + parent);
        byte[] owner = Sids.Parse(Owner), group = Sids.Parse(Users);
        Assert.Equal(Expected(file), Sddl.Format(NtfsInheritance.Derive(above, isDirectory: false, owner, group)));
        Assert.Equal(Expected(directory), Sddl.Format(NtfsInheritance.Derive(above, isDirectory: true, owner, group)));

        static string Expected(string text) => $"O:{Owner}G:{Users}{text.Replace("@", Owner, StringComparison.Ordinal).Replace("#", Users, StringComparison.Ordinal)}";
    }

    [Theory]
    // Whose it is, and whether entries are marked, does not matter.
    [InlineData("O:BAG:SYD:PAI(A;OICI;FA;;;SY)(A;OICIIO;GA;;;CO)", "O:LSG:BUD:AI(A;ID;FA;;;SY)(A;ID;FA;;;LS)", false, true)]
    [InlineData("O:BAG:SYD:PAI(A;OICI;FA;;;SY)(A;OICIIO;GA;;;CO)", "O:LSG:BUD:(A;;FA;;;SY)(A;;FA;;;LS)", false, true)]
    [InlineData("O:BAG:SYD:PAI(A;OICI;FA;;;SY)(A;OICIIO;GA;;;CO)", "O:LSG:BUD:AI(A;OICIID;FA;;;SY)(A;ID;FA;;;LS)(A;OICIIOID;GA;;;CO)", true, true)]
    // A directory's on a file; somebody else's rights; an entry more, an entry less, other rights, another order of denials.
    [InlineData("O:BAG:SYD:PAI(A;OICI;FA;;;SY)(A;OICIIO;GA;;;CO)", "O:LSG:BUD:AI(A;OICIID;FA;;;SY)(A;ID;FA;;;LS)(A;OICIIOID;GA;;;CO)", false, false)]
    [InlineData("O:BAG:SYD:PAI(A;OICI;FA;;;SY)(A;OICIIO;GA;;;CO)", "O:LSG:BUD:AI(A;ID;FA;;;SY)(A;ID;FA;;;BA)", false, false)]
    [InlineData("O:BAG:SYD:(A;OICI;FA;;;SY)", "O:BAG:SYD:(A;;FA;;;SY)(A;;FR;;;BU)", false, false)]
    [InlineData("O:BAG:SYD:(A;OICI;FA;;;SY)(A;OICI;FR;;;BU)", "O:BAG:SYD:(A;;FA;;;SY)", false, false)]
    [InlineData("O:BAG:SYD:(A;OICI;FA;;;SY)", "O:BAG:SYD:(A;;FR;;;SY)", false, false)]
    [InlineData("O:BAG:SYD:(D;OICI;FW;;;AN)(A;OICI;FA;;;SY)", "O:BAG:SYD:(A;;FA;;;SY)(D;;FW;;;AN)", false, false)]
    // What nobody inherits from, and what a new file has there.
    [InlineData("O:BAG:SYD:(A;;FR;;;BU)", "O:BAG:SYD:(A;;FA;;;BA)(A;;FA;;;SY)", false, true)]
    // Everything to everybody is nothing that could be lost; to everybody but somebody is.
    [InlineData("O:BAG:SYD:(A;OICI;FR;;;BU)", "O:BAG:BAD:(A;OICI;FA;;;WD)", false, true)]
    [InlineData("O:BAG:SYD:(A;OICI;FR;;;BU)", "O:BAG:BAD:(A;;GA;;;WD)", true, true)]
    [InlineData("O:BAG:SYD:(A;OICI;FR;;;BU)", "O:BAG:BAD:(A;;FR;;;WD)", false, false)]
    [InlineData("O:BAG:SYD:(A;OICI;FR;;;BU)", "O:BAG:BAD:(A;OICIIO;FA;;;WD)", true, false)]
    [InlineData("O:BAG:SYD:(A;OICI;FR;;;BU)", "O:BAG:BAD:(D;;FA;;;AN)(A;;FA;;;WD)", false, false)]
    [InlineData("O:BAG:SYD:(A;OICI;FR;;;BU)", "O:BAG:BAD:(A;;FA;;;WD)S:(ML;;NW;;;LW)", false, false)]
    // No list, and an empty one, which permits nothing.
    [InlineData("O:BAG:SYD:(A;OICI;FR;;;BU)", "O:BAG:BA", false, false)]
    [InlineData("O:BAG:SYD:(A;OICI;FR;;;BU)", "O:BAG:BAD:NO_ACCESS_CONTROL", false, false)]
    [InlineData("O:BAG:SYD:(A;OICI;FR;;;BU)", "O:BAG:BAD:", false, false)]
    // Audit.
    [InlineData("O:BAG:SYD:(A;OICI;FR;;;BU)S:(AU;OISAFA;FA;;;WD)", "O:BAG:BAD:(A;;FR;;;BU)S:(AU;SAFA;FA;;;WD)", false, true)]
    [InlineData("O:BAG:SYD:(A;OICI;FR;;;BU)", "O:BAG:BAD:(A;;FR;;;BU)S:(AU;SAFA;FA;;;WD)", false, false)]
    public void A_descriptor_of_its_own_is_told_from_an_inherited_one(string parent, string descriptor, bool isDirectory, bool isInherited)
    {
        var bytes = Sddl.Parse(descriptor);
        Assert.Equal(isInherited, NtfsInheritance.IsInherited(Sddl.Parse(parent), bytes, isDirectory));
        // What is cut or damaged is never taken for inherited where it says less, and never read beyond.
        for (var length = 0; length < bytes.Length; length++)
            NtfsInheritance.IsInherited(Sddl.Parse(parent), bytes.AsSpan(0, length), isDirectory);
        Assert.False(NtfsInheritance.IsInherited([], Sddl.Parse("O:BAG:SYD:(A;;FR;;;BU)"), isDirectory));
    }

    [Fact]
    public void Owner_and_group_are_those_of_the_directory_when_nobody_else_is_named()
    {
        Assert.Equal("O:SYG:BUD:(A;;FA;;;SY)", Sddl.Format(NtfsInheritance.Derive(Sddl.Parse("O:SYG:BU"), isDirectory: false)));
        Assert.Equal("O:BAG:BAD:(A;;FR;;;BA)", Sddl.Format(NtfsInheritance.Derive(Sddl.Parse("D:(A;OI;FR;;;CG)"), isDirectory: false)));
    }

    [Fact]
    public void Inheriting_is_stable_from_the_second_level_on()
    {
        var parent = Sddl.Parse("O:BAG:SYD:PAI(A;OICI;FA;;;SY)(A;OICIIO;GA;;;CO)(A;CI;GR;;;CG)(A;OI;GX;;;WD)");
        var first = NtfsInheritance.Derive(parent, isDirectory: true)!;
        Assert.Equal("O:BAG:SYD:AI(A;OICIID;FA;;;SY)(A;ID;FA;;;BA)(A;OICIIOID;GA;;;CO)(A;ID;FR;;;SY)(A;CIIOID;GR;;;CG)(A;OIIOID;GX;;;WD)", Sddl.Format(first));
        Assert.Equal(first, NtfsInheritance.Derive(first, isDirectory: true));
    }

    [Fact]
    public void Damaged_parents_give_nothing_or_what_has_a_text()
    {
        var sound = Sddl.Parse("O:BAG:SYD:PAI(A;OICI;FA;;;SY)(OA;CI;RPWP;bf967aba-0de6-11d0-a285-00aa003049e2;;CO)(A;OICI;GA;;;CG)S:(AU;OISAFA;FA;;;WD)");
        for (var length = 0; length < sound.Length; length++)
            Assert.True(NtfsInheritance.Derive(sound.AsSpan(0, length), isDirectory: true) is null || length > 20);
        var random = new Random(6);
        var made = 0;
        for (var round = 0; round < 20_000; round++)
        {
            var damaged = sound.ToArray();
            for (var i = 0; i < 3; i++)
                damaged[random.Next(damaged.Length)] = (byte)random.Next(256);
            made += NtfsInheritance.Derive(damaged, round % 2 == 0) is { } derived && NtfsInheritance.Derive(derived, round % 3 == 0) is not null ? 1 : 0;
        }
        Assert.InRange(made, 1000, 19_999);
    }

    // One that is unlike the others, of so many entries.
    private static string Descriptor(int number, int entries) =>
        $"O:S-1-5-21-{number}-2-3-1000G:BUD:AI{string.Concat(Enumerable.Range(0, entries).Select(e => $"(A;OICIID;FR;;;S-1-5-21-9-9-9-{e + number})"))}";

    private static void Verify(Secure secure, int count)
    {
        var ids = IndexInvariants.Check(secure.Ids).Entries;
        var hashes = IndexInvariants.Check(secure.Hashes).Entries;
        Assert.Equal(count, ids.Count);
        Assert.Equal(ids.Select(e => Convert.ToHexString(e.Value)).Order(), hashes.Select(e => Convert.ToHexString(e.Value)).Order());
        var end = 0L;
        foreach (var (key, value) in ids)
        {
            ref readonly var place = ref OnDisk.View<NtfsSecurityEntry>(value);
            var at = (int)(long)(ulong)place.Offset;
            int length = (int)(uint)place.Length;
            Assert.Equal(BitConverter.ToUInt32(key), (uint)place.Id);
            Assert.True(at >= end && at % 16 == 0 && at % (2 * Block) + length <= Block, $"an entry of {length} bytes at {at}");
            Assert.Equal(value, secure.Stream.Bytes.AsSpan(at, NtfsSecurityEntry.Size).ToArray());
            Assert.True(secure.Stream.Bytes.AsSpan(at, length).SequenceEqual(secure.Stream.Bytes.AsSpan(at + Block, length)), "the copy");
            end = at + length;
        }
        Assert.Equal(end + Block, secure.Stream.Length);
    }

    private sealed class Secure
    {
        public Secure() => Editor = new NtfsSecurityEditor(Stream, new NtfsIndexEditor(Hashes, MemoryIndexStorage.Upcase, "$SDH"), new NtfsIndexEditor(Ids, MemoryIndexStorage.Upcase, "$SII"));

        public MemoryStreamStorage Stream { get; } = new();
        public MemoryIndexStorage Hashes { get; } = new(NtfsCollationRule.SecurityHash, 4096, 4096, 300);
        public MemoryIndexStorage Ids { get; } = new(NtfsCollationRule.UnsignedLong, 4096, 4096, 300);
        public NtfsSecurityEditor Editor { get; }
    }
}
