using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>Looks at $Secure: the stream of descriptors with its copies, and both indexes over it; and whether every id in use is there.</summary>
internal sealed class NtfsCheckerSecure(NtfsCheckState state)
{
    private const string Name = "$Secure";
    private const int BlockSize = NtfsSecurityEntry.BlockSize;

    private static readonly NtfsIndexKind ById = new(NtfsSecure.IdIndexName, 0, NtfsCollationRule.UnsignedLong);
    private static readonly NtfsIndexKind ByHash = new(NtfsSecure.HashIndexName, 0, NtfsCollationRule.SecurityHash);

    private readonly NtfsCheckerIndex _index = new(state);

    // By id: hash, place, length; and in which of the other two it was seen.
    private readonly Dictionary<uint, (uint Hash, ulong Offset, uint Length, bool IsHashed, bool IsStored)> _ids = [];

    public void Check()
    {
        if (state.MajorVersion < 3 || state.Open(NtfsMft.SecureRecord) is not { } file || state.Facts[NtfsMft.SecureRecord].Is(NtfsFacts.Partial))
            return;
        if (!HasParts(file))
            return;
        var isWhole = _index.Check(file, ById, VisitId);
        var isHashWhole = _index.Check(file, ByHash, VisitHash);
        var isStreamWhole = CheckStream(file);
        if (!isWhole)
            return;
        foreach (var (id, entry) in _ids)
        {
            if (isHashWhole && !entry.IsHashed)
                state.Error("NTFS-0413", Name, null, $"id 0x{id:X} is in $SII, and not in $SDH");
            if (isStreamWhole && !entry.IsStored)
                state.Error("NTFS-0414", Name, null, $"id 0x{id:X} is in $SII at {entry.Offset} of $SDS, and not there");
        }
        foreach (var (id, record) in state.SecurityIds)
        {
            if (!_ids.ContainsKey(id))
                state.Error("NTFS-0410", $"Record {record}", null, $"has the security id 0x{id:X}, which $Secure does not know");
        }
    }

    private bool HasParts(NtfsFile file)
    {
        try
        {
            if (file.Has(NtfsAttributeType.Data, NtfsSecure.StreamName) && file.Has(NtfsAttributeType.IndexRoot, ById.Name) && file.Has(NtfsAttributeType.IndexRoot, ByHash.Name))
                return true;
            state.Error("NTFS-0416", Name, file.Base.Offset, "has not all of $SDS, $SII and $SDH");
        }
        catch (DiskFormatException e)
        {
            state.Error(e, NtfsMft.SecureRecord);
        }
        return false;
    }

    private void VisitId(NtfsIndexItem item)
    {
        if (item.Key.Length != 4 || item.Data.Length < NtfsSecurityEntry.Size)
        {
            state.Error("NTFS-0413", Name, null, $"$SII has a key of {item.Key.Length} bytes with {item.Data.Length} of data, expected 4 with {NtfsSecurityEntry.Size}");
            return;
        }
        uint id = OnDisk.View<U32Le>(item.Key);
        ref readonly var entry = ref OnDisk.View<NtfsSecurityEntry>(item.Data);
        if (entry.Id != id)
            state.Error("NTFS-0413", Name, null, $"$SII has the id 0x{(uint)entry.Id:X} at the key 0x{id:X}");
        _ids[id] = (entry.Hash, entry.Offset, entry.Length, false, false);
    }

    private void VisitHash(NtfsIndexItem item)
    {
        if (item.Key.Length != NtfsSecurityHashKey.Size || item.Data.Length < NtfsSecurityEntry.Size)
        {
            state.Error("NTFS-0413", Name, null, $"$SDH has a key of {item.Key.Length} bytes with {item.Data.Length} of data, expected {NtfsSecurityHashKey.Size} with {NtfsSecurityEntry.Size}");
            return;
        }
        ref readonly var key = ref OnDisk.View<NtfsSecurityHashKey>(item.Key);
        ref readonly var entry = ref OnDisk.View<NtfsSecurityEntry>(item.Data);
        uint id = key.Id;
        if (!_ids.TryGetValue(id, out var known))
        {
            state.Error("NTFS-0413", Name, null, $"id 0x{id:X} is in $SDH, and not in $SII");
            return;
        }
        _ids[id] = known with { IsHashed = true };
        if (entry.Id != id || entry.Hash != key.Hash || entry.Hash != known.Hash || entry.Offset != known.Offset || entry.Length != known.Length)
            state.Error("NTFS-0413", Name, null, $"$SDH and $SII say different things of id 0x{id:X}");
    }

    // A block of 256 KiB, its copy, the next block.
    private bool CheckStream(NtfsFile file)
    {
        if (state.Facts[NtfsMft.SecureRecord].Is(NtfsFacts.Shares))
            return false;
        try
        {
            var content = file.Open(NtfsAttributeType.Data, NtfsSecure.StreamName)!;
            var pair = new byte[2 * BlockSize];
            for (var at = 0L; at < content.Initialized; at += pair.Length)
            {
                if (!content.IsResident && content.Runs.Find(at >> content.ClusterShift) is { IsHole: true } hole && hole.End << content.ClusterShift > at + pair.Length)
                {
                    at = (hole.End << content.ClusterShift) / pair.Length * pair.Length - pair.Length;
                    continue;
                }
                state.Progress("checking security descriptors", at / pair.Length, content.Length / pair.Length);
                var there = (int)Math.Min(pair.Length, content.Length - at);
                content.Read(at, pair.AsSpan(0, there));
                CheckBlock(pair.AsSpan(0, there), (ulong)at);
            }
            return true;
        }
        catch (DiskFormatException e)
        {
            state.Error(e, NtfsMft.SecureRecord);
            return false;
        }
    }

    private void CheckBlock(ReadOnlySpan<byte> pair, ulong start)
    {
        // The stream ends with the copy of its last entry; in the block before, Windows leaves anything behind the entry itself.
        var block = pair[..Math.Max(0, pair.Length - BlockSize)];
        for (var at = 0; at + NtfsSecurityEntry.Size <= block.Length;)
        {
            ref readonly var head = ref OnDisk.View<NtfsSecurityEntry>(block, at);
            if (head.Length == 0U)
                return;
            // An entry that Windows has given up keeps its length alone.
            var isGivenUp = head.Hash == 0U && head.Id == 0U && head.Offset == 0UL;
            if (head.Length < NtfsSecurityEntry.Size + NtfsSecurityDescriptor.Size || head.Length > block.Length - at || (head.Offset != start + (ulong)at && !isGivenUp))
            {
                state.Error("NTFS-0411", Name, null, $"$SDS has at {start + (ulong)at} an entry of {head.Length} bytes that is said to be at {head.Offset}");
                return;
            }
            var entry = block.Slice(at, (int)(uint)head.Length);
            if (!isGivenUp)
                CheckEntry(entry, head);
            if (!isGivenUp && !pair.Slice(at + BlockSize, entry.Length).SequenceEqual(entry))
                state.Error("NTFS-0412", Name, null, $"$SDS has at {start + (ulong)at + BlockSize} no copy of the entry of id 0x{(uint)head.Id:X}");
            at += entry.Length + NtfsSecurityEntry.Alignment - 1 & -NtfsSecurityEntry.Alignment;
        }
    }

    private void CheckEntry(ReadOnlySpan<byte> entry, in NtfsSecurityEntry head)
    {
        uint id = head.Id;
        var hash = NtfsSecurityHash.Of(entry[NtfsSecurityEntry.Size..]);
        if (hash != head.Hash)
            state.Error("NTFS-0411", Name, null, $"$SDS has for id 0x{id:X} a descriptor with the hash 0x{hash:X8}, and says 0x{(uint)head.Hash:X8}");
        if (_ids.TryGetValue(id, out var known) && known.Offset == head.Offset && known.Hash == head.Hash && known.Length == head.Length)
            _ids[id] = known with { IsStored = true };
        else
            state.Note("NTFS-0415", Name, null, $"$SDS has at {head.Offset} a descriptor of id 0x{id:X} that the indexes do not name");
    }
}
