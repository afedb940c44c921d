using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>Security descriptors of files that are edited: in $Secure, by their id in $STANDARD_INFORMATION.</summary>
internal sealed class NtfsDescriptors(NtfsEditState state)
{
    // What becomes of a directory's descriptor, by its id: the same for all files that are made in it. Forgotten with an edit that failed.
    private readonly Dictionary<(uint Parent, bool IsDirectory), uint> _inherited = [];

    /// <summary>Forgets which ids there are.</summary>
    public void Clear() => _inherited.Clear();

    /// <summary>The id of the descriptor that a new file has in a directory with this one, when it is known by now.</summary>
    public bool TryInherit(uint parent, out uint id)
    {
        id = 0;
        return parent != 0 && _inherited.TryGetValue((parent, false), out id);
    }

    /// <summary>Gives a new file the descriptor that follows from its directory's.</summary>
    public void Inherit(NtfsFileEditor file, NtfsFileEditor directory, bool isDirectory)
    {
        var parent = directory.Has(NtfsAttributeType.SecurityDescriptor) ? 0 : NtfsStandard.SecurityId(directory);
        if (parent == 0 || !_inherited.TryGetValue((parent, isDirectory), out var id))
        {
            var descriptor = (Of(directory, parent) is { } own ? NtfsInheritance.Derive(own, isDirectory) : null) ?? NtfsInheritance.Derive(Least, isDirectory)!;
            id = Add(descriptor);
            if (parent != 0)
                _inherited[(parent, isDirectory)] = id;
        }
        NtfsStandard.SetSecurityId(file, id);
    }

    /// <summary>Sets a self-relative descriptor.</summary>
    public void Set(NtfsFileEditor file, byte[] descriptor)
    {
        var id = Add(descriptor);
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

    private byte[]? Of(NtfsFileEditor directory, uint id) =>
        directory.Open(NtfsAttributeType.SecurityDescriptor) is { } own ? own.ReadAll(NtfsSecure.MaxDescriptor) : id == 0 ? null : state.Volume.FindSecurityDescriptor(id);

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
