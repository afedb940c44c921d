using System.Buffers.Binary;
using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.Ntfs;
using Platter.Primitives;

namespace Platter.Testing.Ntfs;

/// <summary>A volume in memory, to be damaged in a known place; protection is taken off and put on again.</summary>
public sealed class NtfsDamage
{
    private const int BlockLength = 4096;

    private readonly byte[] _bytes;

    public NtfsDamage(byte[] volume)
    {
        _bytes = volume;
        Device = new MemoryDevice(_bytes);
    }

    public MemoryDevice Device { get; }

    public Span<byte> Bytes => _bytes;

    /// <summary>The records in use that hold a file, by number.</summary>
    internal IEnumerable<NtfsRecord> Records()
    {
        using var volume = NtfsVolume.Open(Device, VolumeOptions.Default);
        for (var number = 0L; number < volume.Mft.Count; number++)
        {
            var record = volume.Mft.Load(number, out var problem, out _);
            if (problem is null && record.IsInUse)
                yield return record;
        }
    }

    /// <summary>The first record that holds such an attribute.</summary>
    internal NtfsRecord With(NtfsAttributeType type, string name = "", Func<NtfsRecord, bool>? also = null) =>
        Records().First(r => r.TryFind(type, name, out _) && also?.Invoke(r) != false);

    /// <summary>Changes a record.</summary>
    internal void Edit(NtfsRecord record, Action<byte[]> change)
    {
        change(record.Bytes);
        var stored = record.Bytes.ToArray();
        NtfsUpdateSequence.Apply(stored);
        stored.CopyTo(_bytes, record.Offset);
    }

    /// <summary>Changes an attribute: the bytes from its head on.</summary>
    internal void Edit(NtfsRecord record, NtfsAttributeType type, Action<Memory<byte>> change, string name = "")
    {
        record.TryFind(type, name, out var attribute);
        var (offset, length) = (attribute.Offset, attribute.Length);
        Edit(record, bytes => change(bytes.AsMemory(offset, length)));
    }

    /// <summary>Changes the value of a resident attribute.</summary>
    internal void EditValue(NtfsRecord record, NtfsAttributeType type, Action<Memory<byte>> change, string name = "") => Edit(record, type, attribute =>
    {
        ref readonly var head = ref OnDisk.View<NtfsResidentHeader>(attribute.Span);
        change(attribute.Slice(head.ValueOffset, (int)(uint)head.ValueLength));
    }, name);

    /// <summary>A record in use, by number.</summary>
    internal NtfsRecord Record(long number) => Records().First(r => r.Number == number);

    /// <summary>The first record with a name, in whatever directory.</summary>
    internal NtfsRecord Named(string name) => Records().First(r => HasName(r, name));

    /// <summary>Whether a record itself has a name.</summary>
    internal static bool HasName(NtfsRecord record, string name)
    {
        foreach (var attribute in record.Attributes)
        {
            if (attribute.Type == NtfsAttributeType.FileName && attribute.IsResident && NtfsCollation.NameOf(attribute.Value).SequenceEqual(name))
                return true;
        }
        return false;
    }

    /// <summary>Takes an attribute out of a record.</summary>
    internal void Cut(NtfsRecord record, NtfsAttributeType type, string name = "")
    {
        record.TryFind(type, name, out var attribute);
        var (offset, length) = (attribute.Offset, attribute.Length);
        Edit(record, bytes =>
        {
            ref var head = ref OnDisk.Edit<NtfsRecordHeader>(bytes);
            bytes.AsSpan(offset + length, (int)(uint)head.BytesInUse - offset - length).CopyTo(bytes.AsSpan(offset));
            head.BytesInUse = head.BytesInUse - (uint)length;
        });
    }

    /// <summary>Puts a resident attribute into a record: behind the others, or before the first of a type.</summary>
    internal void Insert(NtfsRecord record, NtfsAttributeType type, string name, ReadOnlySpan<byte> value, NtfsAttributeType before = NtfsAttributeType.End)
    {
        var nameLength = 2 * name.Length;
        var valueOffset = NtfsResidentHeader.Size + nameLength + 7 & ~7;
        var added = new byte[valueOffset + value.Length + 7 & ~7];
        ref var head = ref OnDisk.Edit<NtfsResidentHeader>(added);
        head.Common.Type = type;
        head.Common.Length = (uint)added.Length;
        head.Common.NameLength = (byte)name.Length;
        head.Common.NameOffset = NtfsResidentHeader.Size;
        head.Common.Instance = record.Header.NextInstance;
        head.ValueLength = (uint)value.Length;
        head.ValueOffset = (ushort)valueOffset;
        System.Runtime.InteropServices.MemoryMarshal.AsBytes(name.AsSpan()).CopyTo(added.AsSpan(NtfsResidentHeader.Size));
        value.CopyTo(added.AsSpan(valueOffset));
        var at = (int)(uint)record.Header.BytesInUse - NtfsAttributeHeader.EndSize;
        foreach (var attribute in record.Attributes)
        {
            if (attribute.Type >= before)
            {
                at = attribute.Offset;
                break;
            }
        }
        Edit(record, bytes =>
        {
            ref var edited = ref OnDisk.Edit<NtfsRecordHeader>(bytes);
            bytes.AsSpan(at, (int)(uint)edited.BytesInUse - at).ToArray().CopyTo(bytes.AsSpan(at + added.Length));
            added.CopyTo(bytes.AsSpan(at));
            edited.BytesInUse = edited.BytesInUse + (uint)added.Length;
            edited.NextInstance = (ushort)(edited.NextInstance + 1);
        });
    }

    /// <summary>Changes a block of an index.</summary>
    internal void EditBlock(NtfsRecord record, string index, long offset, Action<byte[]> change)
    {
        var place = (int)Place(record, NtfsAttributeType.IndexAllocation, offset, index);
        var block = Bytes.Slice(place, BlockLength).ToArray();
        if (NtfsUpdateSequence.Remove(block, NtfsIndexBlock.Size) is { } problem)
            throw new InvalidOperationException(problem);
        change(block);
        NtfsUpdateSequence.Apply(block);
        block.CopyTo(Bytes[place..]);
    }

    /// <summary>Where the entries of a node are; the last one is the end entry.</summary>
    /// <param name="node">A block or a root's value.</param>
    /// <param name="header">Where its index header is: <see cref="NtfsIndexBlock.HeaderOffset"/> or <see cref="NtfsIndexRoot.Size"/>.</param>
    internal static List<int> Entries(ReadOnlySpan<byte> node, int header)
    {
        var found = new List<int>();
        for (var at = header + (int)(uint)OnDisk.View<NtfsIndexHeader>(node, header).EntriesOffset; ;)
        {
            found.Add(at);
            ref readonly var entry = ref OnDisk.View<NtfsIndexEntry>(node, at);
            if ((entry.Flags & NtfsIndexEntry.IsEnd) != 0)
                return found;
            at += entry.Length;
        }
    }

    /// <summary>Where the entry of a name is.</summary>
    internal static int EntryOf(ReadOnlySpan<byte> node, int header, string name)
    {
        foreach (var at in Entries(node, header))
        {
            ref readonly var entry = ref OnDisk.View<NtfsIndexEntry>(node, at);
            if ((entry.Flags & NtfsIndexEntry.IsEnd) == 0 && NtfsCollation.NameOf(node.Slice(at + NtfsIndexEntry.Size, entry.KeyLength)).SequenceEqual(name))
                return at;
        }
        throw new InvalidOperationException($"there is no '{name}'");
    }

    /// <summary>Takes an entry out of a node.</summary>
    internal static void CutEntry(Span<byte> node, int header, int at)
    {
        ref var head = ref OnDisk.Edit<NtfsIndexHeader>(node, header);
        int length = OnDisk.View<NtfsIndexEntry>(node, at).Length, end = header + (int)(uint)head.IndexLength;
        node[(at + length)..end].ToArray().CopyTo(node[at..]);
        head.IndexLength = head.IndexLength - (uint)length;
    }

    /// <summary>Swaps two neighbouring entries of a node.</summary>
    internal static void SwapEntries(Span<byte> node, int first)
    {
        int length = OnDisk.View<NtfsIndexEntry>(node, first).Length, second = OnDisk.View<NtfsIndexEntry>(node, first + length).Length;
        byte[] swapped = [.. node.Slice(first + length, second), .. node.Slice(first, length)];
        swapped.CopyTo(node[first..]);
    }

    internal static void Put16(Span<byte> bytes, int offset, int value) => BinaryPrimitives.WriteUInt16LittleEndian(bytes[offset..], (ushort)value);

    internal static void Put32(Span<byte> bytes, int offset, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(bytes[offset..], value);

    internal static ulong Put64(Span<byte> bytes, int offset, ulong value)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[offset..], value);
        return value;
    }

    /// <summary>The run list of an extent.</summary>
    internal static Span<byte> RunsOf(Span<byte> attribute) => attribute[BinaryPrimitives.ReadUInt16LittleEndian(attribute[0x20..])..];

    /// <summary>What a check finds: codes, each as often as it was found.</summary>
    public List<string> Findings() => [.. new NtfsType().Check(Device, CheckOptions.Default).Findings.Select(f => f.Code)];

    /// <summary>Where a byte of an attribute's content lies.</summary>
    internal long Place(NtfsRecord record, NtfsAttributeType type, long offset, string name = "")
    {
        using var volume = NtfsVolume.Open(Device, VolumeOptions.Default);
        var content = volume.OpenFile(record.Reference).Open(type, name)!;
        var run = content.Runs.Find(offset >> content.ClusterShift)!.Value;
        return (run.Lcn << content.ClusterShift) + (offset & (1L << content.ClusterShift) - 1);
    }

    /// <summary>Looks at everything there is, and gathers the codes of what is wrong.</summary>
    public SortedSet<string> Codes() => CodesOf(Device);

    /// <summary>As <see cref="Codes"/>, of any volume.</summary>
    public static SortedSet<string> CodesOf(BlockDevice device)
    {
        var codes = new SortedSet<string>(StringComparer.Ordinal);
        Look(codes, () =>
        {
            using var volume = NtfsVolume.Open(device, VolumeOptions.Default);
            var pending = new Stack<NodeId>([volume.RootId]);
            var seen = new HashSet<NodeId>();
            Look(codes, () => volume.TryLookup(volume.RootId, "$Extend", out _));
            Look(codes, () => _ = volume.FreeBytes + volume.AllocatedRanges().Count());
            Look(codes, () => _ = volume.Info);
            while (pending.TryPop(out var id))
            {
                if (!seen.Add(id))
                    continue;
                Look(codes, () =>
                {
                    foreach (var entry in volume.Enumerate(id))
                    {
                        if (entry.Kind == EntryKind.Directory)
                            pending.Push(entry.Id);
                        else
                            LookAt(volume, entry.Id, codes);
                    }
                });
                LookAt(volume, id, codes);
            }
        });
        return codes;
    }

    private static void LookAt(NtfsVolume volume, NodeId id, SortedSet<string> codes)
    {
        Look(codes, () => volume.GetMetadata(id));
        Look(codes, () => volume.GetExtendedAttributes(id));
        Look(codes, () => volume.GetFormatAttributes(id));
        Look(codes, () =>
        {
            foreach (var stream in volume.GetStreams(id).Select(s => s.Name).Append(StreamName.Data))
                Look(codes, () => volume.OpenRead(id, stream).CopyTo(Stream.Null));
        });
    }

    private static void Look(SortedSet<string> codes, Action look)
    {
        try
        {
            look();
        }
        catch (DiskFormatException e)
        {
            codes.Add(e.Code);
        }
        catch (Exception e) when (e is UnauthorizedAccessException or UnsupportedFeatureException)
        {
            // A directory has no data.
        }
    }
}
