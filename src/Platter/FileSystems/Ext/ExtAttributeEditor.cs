using Platter.Primitives;

namespace Platter.FileSystems.Ext;

/// <summary>Changes an inode's extended attributes: those in the inode itself, and those in its block, which other inodes may share.</summary>
/// <remarks>An attribute goes into the inode as long as there is room, else into the block, where they are sorted as the kernel searches them. A block that is
/// shared is copied first. A value that neither has room for goes into an inode of its own (ea_inode), if the volume has them: one for each, never shared.</remarks>
internal sealed class ExtAttributeEditor
{
    /// <summary>The longest value that Linux takes, in bytes.</summary>
    public const int MaxOwnValue = 1 << 16;

    private readonly record struct Item(byte Index, byte[] Name, byte[] Value, uint ValueInode, int ValueLength, uint Hash)
    {
        public int EntrySize => ExtAttributeEntry.Size + Name.Length + 3 & ~3;
        public int ValueSize => ValueInode != 0 ? 0 : Value.Length + 3 & ~3;

        public bool Is(byte index, ReadOnlySpan<byte> name) => Index == index && Name.AsSpan().SequenceEqual(name);
    }

    private readonly ExtInode _inode;
    private readonly ExtEditState _state;
    private readonly List<Item> _inInode, _inBlock;
    private bool _inodeChanged, _blockChanged;

    public ExtAttributeEditor(ExtInode inode, ExtEditState state)
    {
        _inode = inode;
        _state = state;
        var space = inode.AttributeSpace;
        _inInode = space.Length >= ExtAttributeHeader.InodeSize && OnDisk.View<U32Le>(space) == ExtAttributeHeader.MagicValue
            ? Parse(space, ExtAttributeHeader.InodeSize, ExtAttributeHeader.InodeSize, inode.Offset) : [];
        _inBlock = inode.AttributeBlock == 0 ? []
            : Parse(state.Volume.ReadAttributeBlock(inode), ExtAttributeHeader.Size, 0, inode.AttributeBlock << state.Geometry.LogBlockSize);
    }

    /// <summary>Attributes whose value has an inode of its own.</summary>
    public int OwnValueCount => _inInode.Count(i => i.ValueInode != 0) + _inBlock.Count(i => i.ValueInode != 0);

    /// <summary>Sets an attribute, or removes it when the value is null; false when there is no room for it, and nothing has changed.</summary>
    /// <param name="index">Which prefix.</param>
    /// <param name="name">The rest of the name.</param>
    /// <param name="value">Its bytes.</param>
    /// <param name="inInodeOnly">Whether it must not go into a block (inline data).</param>
    public bool TrySet(byte index, byte[] name, byte[]? value, bool inInodeOnly = false)
    {
        var (atInode, atBlock) = (_inInode.FindIndex(i => i.Is(index, name)), _inBlock.FindIndex(i => i.Is(index, name)));
        var old = atInode >= 0 ? _inInode[atInode] : atBlock >= 0 ? _inBlock[atBlock] : default;
        if (value is null)
        {
            Take(atInode, atBlock);
            LetGo(old);
            return true;
        }
        var item = new Item(index, name, value, 0, value.Length, 0);
        if (Room(_inInode, atInode, ExtAttributeHeader.InodeSize, _inode.AttributeSpace.Length) >= item.EntrySize + item.ValueSize)
        {
            Take(atInode, atBlock);
            _inInode.Insert(atInode < 0 ? _inInode.Count : atInode, item);
            _inodeChanged = true;
        }
        else if (!inInodeOnly && Room(_inBlock, atBlock, ExtAttributeHeader.Size, _state.Geometry.BlockSize) >= item.EntrySize + item.ValueSize)
        {
            Take(atInode, atBlock);
            InsertInBlock(item with { Hash = ExtCheckerAttributes.Hash(name, Padded(value), isSigned: false) });
        }
        else if (inInodeOnly || !TrySetOwn(item, atInode, atBlock))
        {
            return false;
        }
        LetGo(old);
        return true;
    }

    // The value goes into an inode of its own, its entry where there is room.
    private bool TrySetOwn(Item item, int atInode, int atBlock)
    {
        if (!_state.Geometry.Has(ExtIncompat.EaInode) || item.ValueLength is 0 or > MaxOwnValue)
            return false;
        var fitsInode = Room(_inInode, atInode, ExtAttributeHeader.InodeSize, _inode.AttributeSpace.Length) >= item.EntrySize;
        if (!fitsInode && Room(_inBlock, atBlock, ExtAttributeHeader.Size, _state.Geometry.BlockSize) < item.EntrySize)
            return false;
        var (number, hash) = ExtUnnamedFile.ForValue(_state, _inode, item.Value);
        _state.Inodes.Quotas?.CountValue(_inode, 1);
        var entry = new Item(item.Index, item.Name, [], number, item.ValueLength, ExtCheckerAttributes.Hash(item.Name, BitConverter.GetBytes(hash), isSigned: false));
        Take(atInode, atBlock);
        if (fitsInode)
        {
            _inInode.Insert(atInode < 0 ? _inInode.Count : atInode, entry);
            _inodeChanged = true;
            return true;
        }
        InsertInBlock(entry);
        return true;
    }

    /// <summary>Brings the changes to the inode and the block; the inode is the caller's to write.</summary>
    /// <exception cref="VolumeFullException">No room for a block.</exception>
    public void Store()
    {
        if (_inodeChanged)
            StoreInInode();
        if (_blockChanged)
            StoreInBlock();
        (_inodeChanged, _blockChanged) = (false, false);
    }

    /// <summary>The inode is deleted: what its attributes take is freed. Values of a block that others use stay theirs.</summary>
    public void ReleaseAll()
    {
        foreach (var item in _inInode)
            LetGo(item);
        if (_inode.AttributeBlock == 0)
            return;
        var isGone = LeaveBlock();
        foreach (var item in _inBlock)
        {
            if (isGone)
                LetGo(item);
            else if (item.ValueInode != 0)
                _state.Inodes.Quotas?.CountValue(_inode, -1);
        }
    }

    private static byte[] Padded(byte[] value)
    {
        var padded = new byte[value.Length + 3 & ~3];
        value.CopyTo(padded, 0);
        return padded;
    }

    // The order in a block: by prefix, length of the name, name.
    private static int Compare(in Item left, in Item right) => left.Index != right.Index ? left.Index - right.Index
        : left.Name.Length != right.Name.Length ? left.Name.Length - right.Name.Length : left.Name.AsSpan().SequenceCompareTo(right.Name);

    private void Take(int atInode, int atBlock)
    {
        if (atInode >= 0)
        {
            _inInode.RemoveAt(atInode);
            _inodeChanged = true;
        }
        if (atBlock >= 0)
        {
            Unshare();
            _inBlock.RemoveAt(atBlock);
            _blockChanged = true;
        }
    }

    private void InsertInBlock(Item item)
    {
        Unshare();
        var at = _inBlock.FindIndex(i => Compare(i, item) > 0);
        _inBlock.Insert(at < 0 ? _inBlock.Count : at, item);
        _blockChanged = true;
    }

    // Before its first change a block that others use is left to them: the values that both lists name from then on are used once more.
    private void Unshare()
    {
        var number = _inode.AttributeBlock;
        if (number == 0 || OnDisk.View<ExtAttributeHeader>(_state.Blocks.Read(number, "Attribute block")).ReferenceCount <= 1)
            return;
        LeaveBlock();
        foreach (var item in _inBlock)
        {
            if (item.ValueInode != 0)
                SetReferences(ValueOf(item), ReferencesOf(ValueOf(item)) + 1);
        }
    }

    // Bytes that another entry and its value can take, without the one that it replaces.
    private static int Room(List<Item> items, int replaced, int head, int length)
    {
        var used = head + 4;
        for (var i = 0; i < items.Count; i++)
        {
            if (i != replaced)
                used += items[i].EntrySize + items[i].ValueSize;
        }
        return length - used;
    }

    private List<Item> Parse(ReadOnlySpan<byte> space, int first, int valueBase, long offset)
    {
        var found = new List<ExtAttribute>();
        if (ExtAttributes.Parse(space, first, valueBase, found) is { } problem)
            throw new DiskFormatException("EXT-0400", $"Inode {_inode.Number}, attributes", offset, problem);
        var items = new List<Item>(found.Count);
        foreach (var a in found)
            items.Add(new Item(a.Index, EscapedUtf8.Encode(a.Name), a.ValueInode != 0 ? [] : space.Slice(a.ValueOffset, a.ValueLength).ToArray(), a.ValueInode, a.ValueLength, a.Hash));
        return items;
    }

    private void StoreInInode()
    {
        var space = _inode.EditAttributeSpace;
        space.Clear();
        if (_inInode.Count == 0)
            return;
        OnDisk.Edit<U32Le>(space) = ExtAttributeHeader.MagicValue;
        Write(_inInode, space, ExtAttributeHeader.InodeSize, ExtAttributeHeader.InodeSize);
    }

    private void StoreInBlock()
    {
        var number = _inode.AttributeBlock;
        if (_inBlock.Count == 0)
        {
            LeaveBlock();
            return;
        }
        if (number == 0)
        {
            (number, _) = _state.Space.Take(_state.Space.GoalIn((_inode.Number - 1) / _state.Geometry.InodesPerGroup), 1);
            _inode.SetAttributeBlock(number);
            _inode.AddClusters(1, _state.Geometry);
        }
        var block = _state.Changes.New(number);
        ref var header = ref OnDisk.Edit<ExtAttributeHeader>(block);
        header.Magic = ExtAttributeHeader.MagicValue;
        header.ReferenceCount = 1;
        header.Blocks = 1;
        header.Hash = Write(_inBlock, block, ExtAttributeHeader.Size, 0);
        Seal(number, block);
    }

    // Entries from the front, values from the back. Returns the hash over all, 0 when one of them has none.
    private static uint Write(List<Item> items, Span<byte> space, int at, int valueBase)
    {
        var valueEnd = space.Length;
        uint hash = 0;
        var isWhole = true;
        foreach (var item in items)
        {
            ref var entry = ref OnDisk.Edit<ExtAttributeEntry>(space, at);
            entry.NameLength = (byte)item.Name.Length;
            entry.NameIndex = item.Index;
            entry.ValueInode = item.ValueInode;
            entry.ValueSize = (uint)item.ValueLength;
            entry.Hash = item.Hash;
            if (item.ValueSize > 0)
            {
                valueEnd -= item.ValueSize;
                item.Value.CopyTo(space[valueEnd..]);
                entry.ValueOffset = (ushort)(valueEnd - valueBase);
            }
            item.Name.CopyTo(space[(at + ExtAttributeEntry.Size)..]);
            at += item.EntrySize;
            isWhole &= item.Hash != 0;
            hash = hash << 16 ^ hash >> 16 ^ item.Hash;
        }
        return isWhole ? hash : 0;
    }

    // One inode less uses the block; with the last one it is freed. Returns whether it was.
    private bool LeaveBlock()
    {
        var number = _inode.AttributeBlock;
        if (number == 0)
            return false;
        _inode.SetAttributeBlock(0);
        _inode.AddClusters(-1, _state.Geometry);
        uint references = OnDisk.View<ExtAttributeHeader>(_state.Blocks.Read(number, "Attribute block")).ReferenceCount;
        if (references > 1)
        {
            var block = _state.Edit(number, "Attribute block");
            OnDisk.Edit<ExtAttributeHeader>(block).ReferenceCount = references - 1;
            Seal(number, block);
            return false;
        }
        _state.Changes.Drop(number);
        _state.Space.Release(number, 1);
        return true;
    }

    private void Seal(long number, byte[] block)
    {
        if (_state.Checksums.IsOn)
            OnDisk.Edit<ExtAttributeHeader>(block).Checksum = _state.Checksums.OfAttributeBlock(number, block);
    }

    // The owner counts the blocks of a value as its own.
    private void LetGo(in Item item)
    {
        if (item.ValueInode == 0 || item.Name is null)
            return;
        var value = ValueOf(item);
        var clusterSize = (long)_state.Geometry.ClusterRatio << _state.Geometry.LogBlockSize;
        _inode.AddClusters(-((item.ValueLength + clusterSize - 1) / clusterSize), _state.Geometry);
        _state.Inodes.Quotas?.CountValue(_inode, -1);
        var references = ReferencesOf(value);
        if (references > 1)
            SetReferences(value, references - 1);
        else
            ExtInodeRemoval.Remove(value, _state);
    }

    private ExtInode ValueOf(in Item item)
    {
        var value = _state.Inodes.Read(item.ValueInode);
        if ((value.Flags & ExtInodeFlags.EaInode) == 0 || !value.IsFile || value.Number == _inode.Number)
            throw new DiskFormatException("EXT-0403", $"Inode {value.Number}", value.Offset, $"should hold the value of an attribute of inode {_inode.Number}");
        return value;
    }

    // How many lists name a value, in its inode's change time and version.
    private static ulong ReferencesOf(ExtInode value) => (ulong)(uint)value.Record.ChangeTime << 32 | (uint)value.Record.VersionLo;

    private void SetReferences(ExtInode value, ulong count)
    {
        value.Edit.ChangeTime = (uint)(count >> 32);
        value.Edit.VersionLo = (uint)count;
        _state.Inodes.Write(value);
    }
}
