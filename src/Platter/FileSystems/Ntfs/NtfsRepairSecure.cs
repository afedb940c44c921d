using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>Mends $Secure: entries of $SDS by their copies, and the reverse; both indexes from what $SDS holds.</summary>
internal sealed class NtfsRepairSecure(NtfsRepairState repair, NtfsRepairEdit edit)
{
    private const int BlockSize = NtfsSecurityEntry.BlockSize;

    // More descriptors than anybody has, and than are kept in memory.
    private const int MaxEntries = 1 << 20;

    private readonly NtfsCheckState _check = repair.Check!;

    // The heads of sound entries, by id.
    private readonly SortedDictionary<uint, byte[]> _heads = [];

    // Where the old indexes have an id.
    private readonly Dictionary<uint, byte[]> _known = [];

    public void Run()
    {
        if (_check.Open(NtfsMft.SecureRecord) is not { } file || _check.Facts[NtfsMft.SecureRecord].Is(NtfsFacts.Partial))
            return;
        var isWrong = repair.HasAny("NTFS-0413", "NTFS-0414", "NTFS-0416") || _check.WrongIndexes.Contains((NtfsMft.SecureRecord, NtfsSecure.IdIndexName))
            || _check.WrongIndexes.Contains((NtfsMft.SecureRecord, NtfsSecure.HashIndexName));
        if ((!isWrong && !repair.HasAny("NTFS-0411", "NTFS-0412")) || Stream(file) is not { } content)
            return;
        Remember(file, NtfsSecure.HashIndexName);
        Remember(file, NtfsSecure.IdIndexName);
        var writes = new List<(long Offset, byte[] Bytes, uint Id)>();
        ReadStream(content, writes);
        foreach (var (offset, bytes, id) in writes)
        {
            if (edit.TryDo(state => state.File(file.Reference).Open(NtfsAttributeType.Data, NtfsSecure.StreamName)!.Write(offset, bytes)))
                repair.Add(repair.Has("NTFS-0411") ? "NTFS-0411" : "NTFS-0412", "$Secure, $SDS", $"the entry of id 0x{id:X} at {offset} made anew from its copy");
        }
        // What files use, and the indexes know, must not get lost with them.
        if (isWrong && _check.SecurityIds.Keys.All(id => _heads.ContainsKey(id) || !_known.ContainsKey(id)))
            Rebuild(file);
    }

    private static NtfsContent? Stream(NtfsFile file)
    {
        try
        {
            return file.Open(NtfsAttributeType.Data, NtfsSecure.StreamName);
        }
        catch (DiskFormatException)
        {
            // Told by the check.
            return null;
        }
    }

    private void Remember(NtfsFile file, string index)
    {
        foreach (var item in NtfsIndexSalvage.Entries(_check, file, index))
        {
            if (item.Data.Length >= NtfsSecurityEntry.Size && _known.Count < MaxEntries)
                _known[OnDisk.View<NtfsSecurityEntry>(item.Data).Id] = item.Data[..NtfsSecurityEntry.Size].ToArray();
        }
    }

    // A block and its copy at a time; entries are looked for at every place where one may start.
    private void ReadStream(NtfsContent content, List<(long Offset, byte[] Bytes, uint Id)> writes)
    {
        var pair = new byte[2 * BlockSize];
        for (var start = 0L; start < content.Initialized; start += pair.Length)
        {
            if (!content.IsResident && content.Runs.Find(start >> content.ClusterShift) is { IsHole: true } hole && hole.End << content.ClusterShift > start + pair.Length)
            {
                start = (hole.End << content.ClusterShift) / pair.Length * pair.Length - pair.Length;
                continue;
            }
            pair.AsSpan().Clear();
            var there = (int)Math.Min(pair.Length, content.Length - start);
            content.Read(start, pair.AsSpan(0, there));
            for (var at = 0; at + NtfsSecurityEntry.Size <= BlockSize && _heads.Count < MaxEntries;)
            {
                var first = Entry(pair.AsSpan(0, BlockSize), at, start + at);
                var second = Entry(pair.AsSpan(BlockSize), at, start + at);
                if (first is null && second is null)
                {
                    at += NtfsSecurityEntry.Alignment;
                    continue;
                }
                // Where both are, and differ, the one that an index leads to: it is what could be read.
                var sound = first is null || (second is not null && IsIndexed(second) && !IsIndexed(first)) ? second! : first;
                uint id = OnDisk.View<NtfsSecurityEntry>(sound).Id;
                if (first is null || !pair.AsSpan(at, sound.Length).SequenceEqual(sound))
                    writes.Add((start + at, sound, id));
                if (second is null || !pair.AsSpan(BlockSize + at, sound.Length).SequenceEqual(sound))
                    writes.Add((start + at + BlockSize, sound, id));
                // Of several with one id the one counts that the indexes have.
                if (!_heads.ContainsKey(id) || IsKnown(id, start + at))
                    _heads[id] = sound[..NtfsSecurityEntry.Size];
                at += sound.Length + NtfsSecurityEntry.Alignment - 1 & -NtfsSecurityEntry.Alignment;
            }
        }
    }

    // A sound entry at a place, its own offset and length put right when an index has them; null when there is none.
    private byte[]? Entry(ReadOnlySpan<byte> block, int at, long offset)
    {
        ref readonly var head = ref OnDisk.View<NtfsSecurityEntry>(block, at);
        if (head.Id < NtfsSecurityEntry.FirstId || (head.Offset != (ulong)offset && !IsKnown(head.Id, offset)))
            return null;
        uint length = head.Length;
        if (IsKnown(head.Id, offset) && OnDisk.View<NtfsSecurityEntry>(_known[head.Id]) is var known && known.Hash == head.Hash)
            length = known.Length;
        if (length < NtfsSecurityEntry.Size + NtfsSecurityDescriptor.Size || length > block.Length - at)
            return null;
        var bytes = block.Slice(at, (int)length).ToArray();
        if (NtfsSecurityHash.Of(bytes.AsSpan(NtfsSecurityEntry.Size)) != head.Hash)
            return null;
        ref var edited = ref OnDisk.Edit<NtfsSecurityEntry>(bytes);
        (edited.Offset, edited.Length) = ((ulong)offset, length);
        return bytes;
    }

    private bool IsKnown(uint id, long offset) => _known.TryGetValue(id, out var known) && OnDisk.View<NtfsSecurityEntry>(known).Offset == (ulong)offset;

    private bool IsIndexed(byte[] entry) => _known.TryGetValue(OnDisk.View<NtfsSecurityEntry>(entry).Id, out var known) && entry.AsSpan(0, known.Length).SequenceEqual(known);

    private void Rebuild(NtfsFile file)
    {
        if (!edit.TryDo(state =>
        {
            var editor = state.File(file.Reference);
            var ids = NtfsRepairIndex.Empty(editor, NtfsSecure.IdIndexName, NtfsAttributeType.None, NtfsCollationRule.UnsignedLong);
            var hashes = NtfsRepairIndex.Empty(editor, NtfsSecure.HashIndexName, NtfsAttributeType.None, NtfsCollationRule.SecurityHash);
            foreach (var (_, head) in _heads)
            {
                ids.TryInsert(NtfsIndexEntries.OfView(head.AsSpan(4, 4), head));
                hashes.TryInsert(NtfsIndexEntries.OfView(head.AsSpan(0, NtfsSecurityHashKey.Size), head, NtfsIndexEntries.SecurityHashTail));
            }
            state.Volume.ForgetSecure();
        }))
            return;
        repair.Add(repair.Has("NTFS-0416") ? "NTFS-0416" : "NTFS-0413", "$Secure", $"$SII and $SDH made anew from $SDS: {_heads.Count} descriptors");
    }
}
