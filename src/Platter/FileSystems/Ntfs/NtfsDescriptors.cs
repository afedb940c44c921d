using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>Security descriptors of files that are edited: in $Secure, by their id in $STANDARD_INFORMATION.</summary>
internal sealed class NtfsDescriptors(NtfsEditState state)
{
    // A directory with a descriptor of its own, which is not in $Secure: by its record.
    private const ulong Own = 1UL << 63;

    // What becomes of a directory's descriptor: the same for all files that are made in it. Forgotten with an edit that failed.
    private readonly NumberMap<uint> _inherited = new();

    /// <summary>What stands for a directory's descriptor: directories in which it is the same have the same descriptor.</summary>
    public static ulong KeyOf(NtfsFileEditor directory) =>
        directory.Has(NtfsAttributeType.SecurityDescriptor) ? Own | (ulong)directory.Number << 1 : (ulong)NtfsStandard.SecurityId(directory) << 1;

    /// <summary>Forgets which ids there are.</summary>
    public void Clear() => _inherited.Clear();

    /// <summary>The id of the descriptor that a new file has in a directory with this one, when it is known by now.</summary>
    /// <param name="parent">See <see cref="KeyOf"/>.</param>
    /// <param name="id">The id.</param>
    public bool TryInherit(ulong parent, out uint id) => _inherited.TryGetValue(parent, out id);

    /// <summary>Gives a new file the descriptor that follows from its directory's.</summary>
    public void Inherit(NtfsFileEditor file, NtfsFileEditor directory, bool isDirectory)
    {
        var key = KeyOf(directory) | (isDirectory ? 1UL : 0);
        if (!_inherited.TryGetValue(key, out var id))
        {
            var descriptor = (Of(directory) is { } parent ? NtfsInheritance.Derive(parent, isDirectory) : null) ?? NtfsInheritance.Derive(Least, isDirectory)!;
            id = Add(descriptor);
            _inherited[key] = id;
        }
        NtfsStandard.SetSecurityId(file, id);
    }

    /// <summary>Sets a self-relative descriptor.</summary>
    public void Set(NtfsFileEditor file, byte[] descriptor)
    {
        var id = Add(descriptor);
        if (file.Has(NtfsAttributeType.SecurityDescriptor))
            Clear();
        file.Delete(NtfsAttributeType.SecurityDescriptor, "");
        NtfsStandard.SetSecurityId(file, id);
    }

    // One without owner, group and lists: what is derived from it names administrators and the system.
    private static byte[] Least
    {
        get
        {
            var bytes = new byte[NtfsSecurityDescriptor.Size];
            ref var head = ref OnDisk.Edit<NtfsSecurityDescriptor>(bytes);
            head.Revision = 1;
            head.Control = (ushort)NtfsSecurityControl.SelfRelative;
            return bytes;
        }
    }

    private byte[]? Of(NtfsFileEditor directory)
    {
        if (directory.Open(NtfsAttributeType.SecurityDescriptor) is { } own)
            return own.ReadAll(NtfsSecure.MaxDescriptor);
        var id = NtfsStandard.SecurityId(directory);
        return id == 0 ? null : state.Volume.FindSecurityDescriptor(id);
    }

    private uint Add(byte[] descriptor)
    {
        var secure = state.File(new NtfsReference(NtfsMft.SecureRecord, 0));
        if (secure.Open(NtfsAttributeType.Data, NtfsSecure.StreamName) is not { } stream)
            throw new DiskFormatException("NTFS-0112", "$Secure", secure.Base.Offset, $"has no $DATA:{NtfsSecure.StreamName}");
        state.Volume.ForgetSecure();
        return new NtfsSecurityEditor(new NtfsContentStorage(stream), Index(NtfsSecure.HashIndexName), Index(NtfsSecure.IdIndexName)).Add(descriptor);

        NtfsIndexEditor Index(string name) => new(new NtfsFileIndexStorage(secure, name), state.Volume.Upcase, secure.Structure(NtfsAttributeType.IndexAllocation, name));
    }

    private sealed class NtfsContentStorage(NtfsContentEditor content) : NtfsStreamStorage
    {
        public override long Length => content.Length;

        public override void Read(long offset, Span<byte> buffer) => content.Read(offset, buffer);

        public override void Write(long offset, ReadOnlySpan<byte> bytes) => content.Write(offset, bytes);
    }
}
