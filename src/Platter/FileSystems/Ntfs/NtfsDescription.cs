using System.Buffers.Binary;
using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>Gathers what is known of one file from its attributes.</summary>
internal sealed class NtfsDescription
{
    // Names of extended attributes that stand for what NTFS keeps elsewhere; docs/filesystems/ntfs.md has what is in them.
    internal const string AttributesName = "user.ntfs.attributes", SecurityName = "system.ntfs_security", ObjectIdName = "user.ntfs.object_id",
        ReparseName = "user.ntfs.reparse", ShortNameName = "user.ntfs.short_name", EfsName = "user.ntfs.efsinfo", CaseSensitiveName = "user.ntfs.case_sensitive";

    internal const DosAttributes Shown = DosAttributes.ReadOnly | DosAttributes.Hidden | DosAttributes.System | DosAttributes.Directory | DosAttributes.Archive
        | DosAttributes.Temporary | DosAttributes.Sparse | DosAttributes.ReparsePoint | DosAttributes.Compressed | DosAttributes.Offline
        | DosAttributes.NotContentIndexed | DosAttributes.Encrypted;

    private readonly NtfsVolume _volume;
    private readonly NtfsFile _file;
    private readonly NtfsStandardInformation _information;
    private readonly uint _securityId;
    private readonly NtfsReparsePoint? _reparse;
    private readonly (EntryKind Kind, DeviceNumber? Device, string? Target)? _interix;
    private readonly EntryKind? _linux;

    /// <exception cref="DiskFormatException">$STANDARD_INFORMATION or the reparse point is damaged.</exception>
    public NtfsDescription(NtfsVolume volume, NtfsFile file)
    {
        _volume = volume;
        _file = file;
        if (!file.TryFind(NtfsAttributeType.StandardInformation, "", out var record, out var attribute) || !attribute.IsResident || attribute.Value.Length < NtfsStandardInformation.Size)
            throw new DiskFormatException("NTFS-0112", file.Base.Structure, record.Offset, $"has no resident $STANDARD_INFORMATION of {NtfsStandardInformation.Size} bytes");
        _information = OnDisk.View<NtfsStandardInformation>(attribute.Value);
        if (attribute.Value.Length >= NtfsStandardInformation3.Offset + NtfsStandardInformation3.Size)
            _securityId = OnDisk.View<NtfsStandardInformation3>(attribute.Value, NtfsStandardInformation3.Offset).SecurityId;
        _reparse = NtfsVolume.FindReparse(file);
        _interix = file.Base.IsDirectory || _reparse is not null ? null : FindInterix();
        _linux = file.Base.IsDirectory || _reparse is not null || !file.Has(NtfsAttributeType.Ea) || file.Open(NtfsAttributeType.Data) is { Length: > 0 }
            ? null : NtfsExtendedAttributes.SpecialKind(NtfsVolume.ReadExtendedAttributes(file));
    }

    public EntryKind Kind => _reparse?.Kind ?? _interix?.Kind ?? _linux ?? (_file.Base.IsDirectory ? EntryKind.Directory : EntryKind.File);

    /// <summary>Everything known of the file but its extended attributes and streams.</summary>
    public FileMetadata Metadata()
    {
        var kind = Kind;
        var target = _reparse?.Target ?? _interix?.Target;
        var data = kind == EntryKind.File ? _file.Open(NtfsAttributeType.Data) : null;
        var (links, shortName) = Names();
        var metadata = new FileMetadata
        {
            Kind = kind,
            Length = kind == EntryKind.SymbolicLink ? EscapedUtf8.Encode(target ?? "").Length : data is null ? 0 : ShownLength(data),
            AllocatedLength = data is null ? null : Allocated(data),
            Created = NtfsTimes.Decode(_information.Created),
            Modified = NtfsTimes.Decode(_information.Modified),
            Changed = NtfsTimes.Decode(_information.Changed),
            Accessed = NtfsTimes.Decode(_information.Accessed),
            LinkCount = links,
            DosAttributes = ((DosAttributes)(uint)_information.Attributes & Shown) | (_file.Base.IsDirectory ? DosAttributes.Directory : 0),
            LinkTarget = target,
            Device = _interix?.Device,
            ShortName = shortName,
            SecurityDescriptor = SecurityDescriptor(),
            ReparseTag = _reparse?.Tag,
        };
        return _file.Has(NtfsAttributeType.Ea) ? NtfsExtendedAttributes.Apply(metadata, NtfsVolume.ReadExtendedAttributes(_file)) : metadata;
    }

    /// <summary>What NTFS alone has, as extended attributes.</summary>
    public Dictionary<string, byte[]> FormatAttributes()
    {
        var found = new Dictionary<string, byte[]>(StringComparer.Ordinal)
        {
            [AttributesName] = AttributeBytes(),
        };
        if (SecurityDescriptor() is { } descriptor)
            found[SecurityName] = descriptor;
        if (_file.Open(NtfsAttributeType.ObjectId) is { } objectId)
            found[ObjectIdName] = objectId.ReadAll(NtfsObjectId.FullSize, "NTFS-0502");
        if (NtfsVolume.ReadReparse(_file) is { } reparse)
            found[ReparseName] = reparse;
        if (Names().ShortName is { } shortName)
            found[ShortNameName] = EscapedUtf8.Encode(shortName);
        if (_file.Base.IsDirectory && (_information.Flags & NtfsStandardInformation.CaseSensitive) != 0)
            found[CaseSensitiveName] = "1"u8.ToArray();
        if (NtfsDecryption.ReadKeys(_file) is { } keys)
            found[EfsName] = keys;
        return found;
    }

    // The highest byte first: printed in hexadecimal it is the number.
    private byte[] AttributeBytes()
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, _information.Attributes);
        return bytes;
    }

    /// <summary>The descriptor, from the file itself or from $Secure.</summary>
    private byte[]? SecurityDescriptor() => _file.Has(NtfsAttributeType.SecurityDescriptor)
        ? _file.Open(NtfsAttributeType.SecurityDescriptor)!.ReadAll(NtfsSecure.MaxDescriptor, "NTFS-0401")
        : _securityId == 0 ? null : _volume.FindSecurityDescriptor(_securityId);

    // How many names there are, short ones left out, and a short one.
    private (int Links, string? ShortName) Names()
    {
        var links = 0;
        string? shortName = null;
        if (!_file.HasList)
        {
            foreach (var attribute in _file.Base.Attributes)
            {
                if (attribute.Type == NtfsAttributeType.FileName)
                    Count(attribute, _file.Base, ref links, ref shortName);
            }
            return (links, shortName);
        }
        foreach (var place in _file.Places)
        {
            if (place.Type == NtfsAttributeType.FileName)
                Count(_file.Resolve(place, out var record), record, ref links, ref shortName);
        }
        return (links, shortName);
    }

    private static void Count(in NtfsAttribute attribute, NtfsRecord record, ref int links, ref string? shortName)
    {
        var problem = attribute.IsResident ? NtfsFileNames.Problem(attribute.Value) : "a name is not resident";
        if (problem is not null)
            throw new DiskFormatException("NTFS-0113", $"{record.Structure}, $FILE_NAME", record.Offset + attribute.Offset, problem);
        if (OnDisk.View<NtfsFileName>(attribute.Value).Namespace == NtfsNamespace.Dos)
            shortName ??= NtfsCollation.NameOf(attribute.Value).ToString();
        else
            links++;
    }

    private long ShownLength(NtfsContent data) => data.IsEncrypted && _volume.IsRawEncrypted && !data.IsResident ? NtfsRawStream.LengthOf(data.Length) : data.Length;

    private long Allocated(NtfsContent data) => _reparse?.Tag == NtfsReparseTag.Wof && _file.Open(NtfsAttributeType.Data, NtfsWofStream.StreamName) is { } packed ? packed.Allocated : data.Allocated;

    private (EntryKind Kind, DeviceNumber? Device, string? Target)? FindInterix()
    {
        if (!NtfsInterix.IsCandidate(_information.Attributes, 0) || _file.Base.Number < NtfsMft.FirstFreeRecord)
            return null;
        if (_file.Open(NtfsAttributeType.Data) is not { } data || data.IsEncrypted || data.IsCompressed || !NtfsInterix.IsCandidate(_information.Attributes, data.Length))
            return null;
        var content = new byte[data.Length];
        data.Read(0, content);
        return NtfsInterix.Parse(content);
    }
}
