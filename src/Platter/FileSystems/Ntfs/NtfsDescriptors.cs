namespace Platter.FileSystems.Ntfs;

/// <summary>Security descriptors of files that are edited: kept in $Secure, each once; inherited by what is made.</summary>
internal sealed class NtfsDescriptors(NtfsEditState state)
{
    private const int MaxKnown = 1024;

    // By the id of a directory's descriptor, shifted left by one; a bit for directories.
    private readonly Dictionary<ulong, uint> _inherited = [];

    /// <summary>Gives a new file the descriptor that follows from its directory's; none where the directory has none that is sound.</summary>
    public void Inherit(NtfsFileEditor file, NtfsFileEditor directory)
    {
        var isDirectory = (file.Flags & NtfsRecordFlags.Directory) != 0;
        var own = directory.Open(NtfsAttributeType.SecurityDescriptor);
        var parentId = own is null ? NtfsStandard.SecurityId(directory) : 0U;
        if (own is null && parentId == 0)
            return;
        var key = (ulong)parentId << 1 | (isDirectory ? 1UL : 0);
        if (parentId != 0 && _inherited.TryGetValue(key, out var known))
        {
            NtfsStandard.SetSecurityId(file, known);
            return;
        }
        var store = Open();
        var above = own is null ? store?.Find(parentId) : own.ReadAll(NtfsSecure.MaxDescriptor);
        if (above is null || NtfsInheritance.Derive(above, isDirectory) is not { } descriptor)
            return;
        Set(file, store, descriptor);
        if (parentId == 0 || NtfsStandard.SecurityId(file) is not (var id and not 0))
            return;
        if (_inherited.Count >= MaxKnown)
            _inherited.Clear();
        _inherited[key] = id;
    }

    /// <summary>Sets a self-relative descriptor.</summary>
    /// <exception cref="ArgumentException">It is none.</exception>
    public void Set(NtfsFileEditor file, byte[] descriptor)
    {
        if (descriptor.Length is < NtfsSecurityDescriptor.Size or > NtfsSecure.MaxDescriptor - NtfsSecurityEntry.Size || descriptor[0] != 1)
            throw new ArgumentException($"a security descriptor is of revision 1 and has {NtfsSecurityDescriptor.Size} to {NtfsSecure.MaxDescriptor - NtfsSecurityEntry.Size} bytes, not {descriptor.Length}", nameof(descriptor));
        Set(file, Open(), descriptor);
    }

    /// <summary>The edit was undone: ids that it gave may be given to others.</summary>
    public void Forget() => _inherited.Clear();

    // A volume without $Secure keeps descriptors with their files, as those before 3.0 do.
    private void Set(NtfsFileEditor file, NtfsSecurityEditor? store, byte[] descriptor)
    {
        if (store is null)
        {
            file.OpenOrCreate(NtfsAttributeType.SecurityDescriptor).Replace(descriptor);
            NtfsStandard.SetSecurityId(file, 0);
            return;
        }
        NtfsStandard.SetSecurityId(file, store.Add(descriptor));
        if (file.Has(NtfsAttributeType.SecurityDescriptor))
            file.Delete(NtfsAttributeType.SecurityDescriptor, "");
        state.HasNewDescriptors = true;
    }

    private NtfsSecurityEditor? Open()
    {
        var file = state.File(new NtfsReference(NtfsMft.SecureRecord, 0));
        if (file.Open(NtfsAttributeType.Data, NtfsSecure.StreamName) is not { } stream || !file.Has(NtfsAttributeType.IndexRoot, NtfsSecure.HashIndexName)
            || !file.Has(NtfsAttributeType.IndexRoot, NtfsSecure.IdIndexName))
            return null;
        return new NtfsSecurityEditor(new NtfsFileStreamStorage(stream), Index(NtfsSecure.HashIndexName), Index(NtfsSecure.IdIndexName));

        NtfsIndexEditor Index(string name) => new(new NtfsFileIndexStorage(file, name), state.Volume.Upcase, file.Structure(NtfsAttributeType.IndexAllocation, name));
    }

    private sealed class NtfsFileStreamStorage(NtfsContentEditor content) : NtfsStreamStorage
    {
        public override long Length => content.Length;

        public override void Read(long offset, Span<byte> buffer) => content.Read(offset, buffer);

        public override void Write(long offset, ReadOnlySpan<byte> bytes) => content.Write(offset, bytes);
    }
}
