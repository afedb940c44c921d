using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>The security descriptors of a volume since version 3.0: $Secure, by the id in $STANDARD_INFORMATION.</summary>
internal sealed class NtfsSecure
{
    /// <summary>Windows makes no longer descriptor.</summary>
    public const int MaxDescriptor = 65536;

    public const string StreamName = "$SDS", IdIndexName = "$SII", HashIndexName = "$SDH";

    private const int CachedDescriptors = 1024;

    private readonly NtfsContent _stream;
    private readonly NtfsIndex _ids;
    private readonly LruCache<byte[]> _cache = new(CachedDescriptors);

    private NtfsSecure(NtfsContent stream, NtfsIndex ids)
    {
        _stream = stream;
        _ids = ids;
    }

    /// <summary>Opens $Secure; null when the record is no such thing.</summary>
    /// <exception cref="DiskFormatException">It is damaged.</exception>
    public static NtfsSecure? Open(NtfsGeometry geometry, NtfsFile file, NtfsNodes nodes)
    {
        var stream = file.Open(NtfsAttributeType.Data, StreamName);
        var ids = NtfsIndex.Open(geometry, file, IdIndexName, nodes);
        return stream is null || ids is null ? null : new NtfsSecure(stream, ids);
    }

    /// <summary>The descriptor of an id; null when there is none that is sound, neither in its place nor in the copy behind it.</summary>
    /// <exception cref="DiskFormatException">The index is damaged.</exception>
    public byte[]? Find(uint id)
    {
        if (_cache.TryGet(id, out var descriptor))
            return descriptor;
        var item = _ids.Find(key => key.Length < 4 ? -1 : id.CompareTo((uint)OnDisk.View<U32Le>(key)));
        if (item is not { } found || found.Data.Length < NtfsSecurityEntry.Size)
            return null;
        var place = OnDisk.View<NtfsSecurityEntry>(found.Data);
        // The key and what is kept with it must name the same: else it is another id's descriptor.
        if (place.Id != id)
            return null;
        descriptor = Read(place, 0) ?? Read(place, NtfsSecurityEntry.BlockSize);
        if (descriptor is not null)
            _cache.Set(id, descriptor);
        return descriptor;
    }

    private byte[]? Read(NtfsSecurityEntry place, long shift)
    {
        var at = (long)(ulong)place.Offset + shift;
        if (place.Length < NtfsSecurityEntry.Size + NtfsSecurityDescriptor.Size || place.Length > MaxDescriptor || (long)(ulong)place.Offset < 0 || at > _stream.Length - place.Length)
            return null;
        var entry = new byte[place.Length];
        _stream.Read(at, entry);
        ref readonly var head = ref OnDisk.View<NtfsSecurityEntry>(entry);
        var descriptor = entry[NtfsSecurityEntry.Size..];
        return head.Id == place.Id && head.Hash == place.Hash && head.Hash == NtfsSecurityHash.Of(descriptor) ? descriptor : null;
    }
}
